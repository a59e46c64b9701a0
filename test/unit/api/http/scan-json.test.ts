import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type JsonLimits, JsonScanner } from '../../../../src/api/http/scan-json.ts'

const unlimited: JsonLimits = { depth: 1000, objectMembers: 1e9, members: 1e9, names: 1e9, values: 1e9 }

/** Scans a text in steps of some bytes. */
function scan(
  text: string,
  { limits = {}, stepBytes = 1e9 }: { limits?: Partial<JsonLimits>; stepBytes?: number } = {},
) {
  const scanner = new JsonScanner(Buffer.from(text), { ...unlimited, ...limits })
  while (!scanner.isDone) {
    const exceeded = scanner.advance(stepBytes)
    if (exceeded !== undefined) return { exceeded, errors: [] }
  }
  return { exceeded: undefined, errors: scanner.mistakes.toProblem().mistakes ?? [] }
}

const pointers = (text: string, stepBytes = 1e9) => scan(text, { stepBytes }).errors.map(({ pointer }) => pointer)

/** What a document holds, counted by walking its value; numbers, true, false and null are not counted. */
function measure(value: unknown): Omit<JsonLimits, 'names'> {
  if (typeof value === 'string') return { depth: 0, objectMembers: 0, members: 0, values: 1 }
  if (typeof value !== 'object' || value === null) return { depth: 0, objectMembers: 0, members: 0, values: 0 }
  const inner = Object.values(value).map(measure)
  const own = Array.isArray(value) ? 0 : inner.length
  const sum = (of: 'members' | 'values') => inner.reduce((total, part) => total + part[of], 0)
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    objectMembers: Math.max(own, ...inner.map(({ objectMembers }) => objectMembers)),
    members: own + sum('members'),
    values: 1 + sum('values'),
  }
}

/** JSON text with white space, and with strings that are escaped as JSON.stringify does, or wholly. */
const document = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 1), fc.boolean())
  .map(([value, indent, isAscii]) => {
    const text = JSON.stringify(value, null, indent)
    const escaped = text.replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    return { value: JSON.parse(text) as unknown, text: isAscii ? escaped : text }
  })
  // These are refused as names of prototypes: another test.
  .filter(({ text }) => !/__proto__|constructor/.test(text))
const anyStep = fc.oneof(fc.constant(1e9), fc.integer({ min: 1, max: 50 }))

test('depth, members and values are counted as a parser would, in steps of any size', () => {
  fc.assert(
    fc.property(
      document,
      fc.constantFrom('depth', 'objectMembers', 'members', 'values'),
      anyStep,
      (drawn, bound, stepBytes) => {
        const count = measure(drawn.value)[bound]
        expect(scan(drawn.text, { limits: { [bound]: count }, stepBytes })).toEqual({ exceeded: undefined, errors: [] })
        if (count === 0) return
        expect(scan(drawn.text, { limits: { [bound]: count - 1 }, stepBytes }).exceeded).toBe(bound)
      },
    ),
    { numRuns: 500 },
  )
})

test('different names are counted from 20,000 members on, in objects of any size', () => {
  const objects = (count: number, name: (n: number) => string) =>
    `[${Array.from({ length: count }, (_, n) => `{"${name(n)}":1}`).join(',')}]`
  const limits = { names: 80_000 }
  expect(
    scan(
      objects(75_000, (n) => `k${n}`),
      { limits },
    ).exceeded,
  ).toBeUndefined()
  expect(
    scan(
      objects(90_000, (n) => `k${n}`),
      { limits, stepBytes: 1000 },
    ).exceeded,
  ).toBe('names')
  expect(
    scan(
      objects(90_000, (n) => `${n}${'x'.repeat(60)}`),
      { limits },
    ).exceeded,
  ).toBe('names')
  expect(
    scan(
      objects(190_000, (n) => `k${n % 40_000}`),
      { limits },
    ).exceeded,
  ).toBeUndefined()
})

test.each([
  '1e400',
  '-1e400',
  '1e309',
  '1.8e308',
  '2E+308',
  '123456789e999',
  `1${'0'.repeat(309)}`,
  `${'9'.repeat(300)}.5e20`,
  '1e-400',
  '-1.5e-330',
  '12345678901234567890',
  '-12345678901234567890',
  '9007199254740993',
  '-9007199254740993',
  '18446744073709551616',
  '9999999999999999',
  '100000000000000000001',
  '123456789012345678',
  '1234567890'.repeat(40),
])('a double cannot hold %s', (literal) => {
  expect(pointers(literal)).toEqual([''])
  expect(pointers(`{"a":[0,{"b/c":${literal}}]}`)).toEqual(['/a/1/b~1c'])
})

test.each([
  '0',
  '-0',
  '0e999',
  '0.000e-999',
  '1e308',
  '-1.7976931348623157e308',
  '5e-324',
  '1E5',
  '1e+20',
  '9007199254740992',
  '-9007199254740992',
  '9007199254740994',
  '8999999999999999',
  '100000000000000000000',
  '1000000000000000000000000',
  `1${'0'.repeat(308)}`,
  '1764392000000000',
  '0.1234567890123456789',
  '3.141592653589793238462643383279',
  `0.${'0'.repeat(300)}1e10`,
  '1234567890123456.5',
  '-999999999999999',
])('a double holds %s', (literal) => {
  expect(pointers(literal)).toEqual([])
  expect(pointers(`[${literal},{"a":${literal}}]`)).toEqual([])
})

test('an integer is held when its digits come out again, any double that was printed is', () => {
  const integer = fc.stringMatching(/^-?[1-9]\d{0,19}$/)
  fc.assert(
    fc.property(integer, (text) => {
      expect(pointers(text)).toEqual(JSON.stringify(JSON.parse(text)) === text ? [] : [''])
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      expect(pointers(JSON.stringify(number))).toEqual([])
    }),
    { numRuns: 2000 },
  )
})

test('a pointer leads to the number, wherever it stands', () => {
  const step = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.integer({ min: 0, max: 5 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), anyStep, (path, beside, stepBytes) => {
      // A member of that name is a mistake of its own.
      fc.pre(!path.includes('__proto__') && !JSON.stringify(beside).includes('__proto__') && !path.includes('beside'))
      let text = '1e999'
      for (const at of path.toReversed()) {
        const other = JSON.stringify(beside)
        text =
          typeof at === 'string'
            ? `{"beside":${other}, ${JSON.stringify(at)} : ${text},"beside2":${other}}`
            : `[${`${other},`.repeat(at)}${text}, ${other}]`
      }
      const expected = path.map((at) => `/${String(at).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
      expect(pointers(text, stepBytes)).toEqual([expected])
    }),
    { numRuns: 500 },
  )
})

test('half of a surrogate pair is found in names and values, a whole pair is none', () => {
  const units = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0xd800, 0xdbff, 0xdc00, 0xdfff, 0x22, 0x5c)),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(units, anyStep, (codes, stepBytes) => {
      const string = String.fromCharCode(...codes)
      // JSON.stringify escapes halves alone: here every unit is.
      const escaped = codes.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')
      fc.pre(string !== '__proto__')
      for (const text of [`["${escaped}"]`, JSON.stringify([string])])
        expect(pointers(text, stepBytes)).toEqual(string.isWellFormed() ? [] : ['/0'])
      const named = pointers(`{"a":{"${escaped}" : 1}}`, stepBytes)
      expect(named.length).toBe(string.isWellFormed() ? 0 : 1)
      expect(named.every((pointer) => pointer.isWellFormed())).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('names of prototypes are found, however they are escaped, and nothing that only looks like one', () => {
  expect(pointers('{"__proto__":1}')).toEqual(['/__proto__'])
  expect(pointers('[{"a":{"\\u005f\\u005fproto\\u005F_" : {}}}]')).toEqual(['/0/a/__proto__'])
  expect(pointers('{"constructor":{"x":1,"prototype":{}}}')).toEqual(['/constructor/prototype'])
  expect(pointers('{"\\u0063onstructor" : { "\\u0070rototype":1}}')).toEqual(['/constructor/prototype'])
  for (const fine of [
    '{"constructor":{"x":{"prototype":1}}}',
    '{"constructor":[{"prototype":1}]}',
    '[{"constructor":1},{"prototype":1}]',
    '{"constructor":1,"a":{"prototype":1}}',
    '{"constructor":"x","prototype":1}',
    '["__proto__",{"a":"__proto__","b":"constructor"}]',
    '{"__proto":1,"proto__":2,"__PROTO__":3}',
    '{"a":"\\"__proto__\\":1"}',
  ])
    expect(pointers(fine), fine).toEqual([])
})

test('text that is no JSON is read to its end', () => {
  for (const text of [
    '}}}]]]',
    '{"a',
    '"\\',
    '"\\u12',
    '[1e',
    '::::',
    ',,,,',
    '{"a":{"b":',
    '"\\ud800',
    '-',
    '1e999999',
  ])
    for (const stepBytes of [1, 1e9]) expect(() => scan(text, { stepBytes })).not.toThrow()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const scanner = new JsonScanner(Buffer.from(bytes), unlimited)
      scanner.advance(1e9)
      expect(scanner.isDone).toBe(true)
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[{}[\]",:\\ud0-9eE.+-]{0,60}$/), (text) => void scan(text, { stepBytes: 3 })),
  )
})

test('of many mistakes fifty are listed and all are counted', () => {
  const scanner = new JsonScanner(Buffer.from(`[${'1e400,'.repeat(1000)}1]`), unlimited)
  scanner.advance(1e9)
  const { mistakes, message } = scanner.mistakes.toProblem()
  expect(mistakes?.length).toBe(50)
  expect(message).toBe('/0: is a number that a double cannot hold: send it as a string (and 999 more)')
})

test('a long text costs its length, whatever is in it', () => {
  const megabytes = 4
  const size = megabytes * 1_048_576
  const fill = (unit: string) => unit.repeat(size / unit.length)
  const texts = {
    'one string': `"${fill('x')}"`,
    'escapes far apart': `"${fill(`\\n${'x'.repeat(62)}`)}"`,
    escapes: `"${fill('\\n')}"`,
    backslashes: `"${fill('\\\\')}"`,
    'escaped quotes': `"${fill('\\"')}"`,
    pairs: `"${fill('\\ud83d\\ude00')}"`,
    numbers: `[${fill('1,')}1]`,
    'one number': fill('9'),
    zeros: `1${fill('0')}1`,
    'long exponents': `[${fill('1e307,')}1]`,
    arrays: `[${fill('[],')}1]`,
    spaces: fill(' '),
    strings: `[${fill(`"${'x'.repeat(60)}",`)}1]`,
    unclosed: fill('"\\'),
  }
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text)
    const before = process.threadCpuUsage()
    const scanner = new JsonScanner(bytes, unlimited)
    scanner.advance(bytes.length)
    const { user, system } = process.threadCpuUsage(before)
    expect((user + system) / 1000 / megabytes, name).toBeLessThan(100)
  }
})
