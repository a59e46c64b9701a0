import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inputTextOf, keepInputText } from '../../../../src/api/http/input-text.ts'
import { JsonScanner } from '../../../../src/api/http/scan-json.ts'

const unlimited = { depth: 1000, objectMembers: 1e9, members: 1e9, names: 1e9, values: 1e9 }

/** @returns the text that is kept of the member `input` of a body */
function kept(text: string, stepBytes = 1e9): string | undefined {
  const body = Buffer.from(text)
  const scanner = new JsonScanner(body, unlimited)
  while (!scanner.isDone) scanner.advance(stepBytes)
  const value: unknown = JSON.parse(text)
  keepInputText(value, body, scanner)
  return inputTextOf(value)?.toString()
}

test('the text of an input is kept where JSON.stringify would write its value the same', () => {
  const bodies = fc.record({ type: fc.string(), input: fc.jsonValue({ maxDepth: 4 }), tags: fc.jsonValue() })
  const step = fc.integer({ min: 1, max: 50 })
  fc.assert(
    fc.property(bodies, fc.constantFrom(0, 1), step, ({ type, input, tags }, indent, stepBytes) => {
      for (const body of [
        { type, input, tags },
        { input, tags },
        { tags, input },
      ]) {
        const found = kept(JSON.stringify(body, undefined, indent), stepBytes)
        if (found !== undefined) expect(found).toBe(JSON.stringify(input))
      }
    }),
  )
})

test.each([
  ['{"type":"echo","input":{"a":"b","c":[1,true,null,"d"]}}', '{"a":"b","c":[1,true,null,"d"]}'],
  ['{"input":"a \\"b\\"\\n\\\\","type":"echo" }', '"a \\"b\\"\\n\\\\"'],
  ['{ "type": "echo", "input":[{"input":1}],"x":{"input":2}}', '[{"input":1}]'],
  ['{"input":1,"input":"ü"}', '"ü"'],
])('of %s it is %s', (text, input) => {
  expect(kept(text)).toBe(input)
})

test.each([
  ['no input', '{"type":"echo","x":{"input":1}}'],
  ['an array', '["input",1]'],
  ['white space', '{"input": "a"}'],
  ['white space within', '{"input":["a", "b"]}'],
  ['a fraction', '{"input":[1.50]}'],
  ['an exponent', '{"input":[1e3]}'],
  ['a negative zero', '{"input":[-0]}'],
  ['an escape that JSON.stringify does not write', '{"input":"\\u00fc"}'],
  ['an escaped slash', '{"input":"\\/"}'],
  ['a name that occurs twice', '{"input":[{"a":1,"a":2}]}'],
  ['a first input of two that would be kept', '{"input":1,"input":1.0}'],
])('of %s none is kept', (_, text) => {
  expect(kept(text)).toBeUndefined()
})
