import { expect, test } from 'vitest'
import { chain, createClient, gather, map } from '../../../src/client/index.ts'

interface Types {
  a: { input: unknown; output: { list: string[]; of: { 'a/b~c': number } } }
  b: { input: unknown; output: number }
}
const { job } = createClient<Types>({ url: 'http://127.0.0.1:1' }).flows

test('members of a reference become a JSON Pointer', () => {
  const flow = chain(job('a', 1), ({ list, of }) => job('b', { first: list[0], odd: of['a/b~c'], all: [list] }))
  expect(flow.json).toEqual({
    chain: [
      { type: 'a', input: 1 },
      {
        type: 'b',
        input: { first: { $output: '/list/0' }, odd: { $output: '/of/a~1b~0c' }, all: [{ $output: '/list' }] },
      },
    ],
  })
})

test('options are fields of their node, and the whole output is the empty pointer', () => {
  const flow = chain(
    gather([job('a', 1, { priority: 2, tags: ['x'] }), job('b', 2)], { on_failure: 'continue' }),
    (both) => map([1, 2], (item) => job('b', { item, both }), { limit: 2, on_failure: 'continue' }),
  )
  expect(flow.json).toEqual({
    chain: [
      {
        gather: [
          { type: 'a', input: 1, priority: 2, tags: ['x'] },
          { type: 'b', input: 2 },
        ],
        on_failure: 'continue',
      },
      {
        map: {
          over: [1, 2],
          node: { type: 'b', input: { item: { $item: '' }, both: { $output: '' } } },
          limit: 2,
          on_failure: 'continue',
        },
      },
    ],
  })
})

test('data that looks like a reference is sent as data', () => {
  const at = new Date(0)
  expect(job('a', { deep: [{ $output: '/x' }], at, none: undefined }).json).toEqual({
    type: 'a',
    input: { deep: [{ $literal: { $output: '/x' } }], at: '1970-01-01T00:00:00.000Z', none: undefined },
  })
  expect(() => chain(job('a', 1), (before) => job('b', { $item: before }))).toThrow(TypeError)
})

test('the first step of an inner chain reaches the step before that chain, a later one does not', () => {
  expect(chain(job('a', 1), (outer) => chain(job('b', outer), job('b', 2))).json).toEqual({
    chain: [
      { type: 'a', input: 1 },
      {
        chain: [
          { type: 'b', input: { $output: '' } },
          { type: 'b', input: 2 },
        ],
      },
    ],
  })
  // The server would take the output of the step before: another value.
  expect(() => chain(job('a', 1), (outer) => chain(job('b', 1), () => job('b', outer)))).toThrow(/out of reach/)
  expect(() => map([1], (outer) => map([2], () => job('b', outer)))).toThrow(/out of reach/)
  expect(map([[1]], (outer) => map(outer, (inner) => job('b', inner))).json).toEqual({
    map: {
      over: [[1]],
      node: { map: { over: { $item: '' }, node: { type: 'b', input: { $item: '' } } } },
    },
  })
})

test('a reference that leaves its flow is refused before anything is sent', async () => {
  const { flows } = createClient<Types>({ url: 'http://127.0.0.1:1' })
  let leaked: unknown
  chain(job('a', 1), (before) => {
    leaked = before
    return job('b', before)
  })
  await expect(flows.submit(job('b', leaked))).rejects.toThrow(TypeError)
})
