import { z } from 'zod'

/** `input`: what clients send. `output`: what they get, after the schema has parsed it. */
type Direction = 'input' | 'output'

const advice: Record<string, string> = {
  date: 'use z.iso.datetime(), or z.coerce.date() in an input',
  bigint: 'use z.int(), or z.string() for more digits',
  map: 'use z.record()',
  set: 'use z.array()',
  file: 'send it as base64 in z.base64(), or its address',
  nan: 'use z.null()',
}
/** Of these kinds JSON has no value. */
const unmeetable = new Set([...Object.keys(advice), 'symbol', 'function', 'promise'])
/** A schema of which JSON can meet one of several parts. */
type Part = readonly [step: string, schema: unknown]

/**
 * The parts of a schema that no JSON can meet, each as a mistake that names its place. Not found: what code decides, such as a transform
 * or `z.instanceof()`.
 */
export function partsWithoutJson(schema: z.ZodType, direction: Direction): string[] {
  return find(schema, direction, direction, new Set())
}

function find(schema: unknown, path: string, direction: Direction, seen: Set<unknown>): string[] {
  if (!(schema instanceof z.core.$ZodType) || seen.has(schema)) return []
  seen.add(schema)
  const { def } = schema._zod
  const { type } = def
  if (unmeetable.has(type)) {
    // A client sends what is coerced, as text or a number.
    if (direction === 'input' && Reflect.get(def, 'coerce') === true) return []
    const hint = advice[type]
    return [`${path}: JSON has no value for z.${type}()${hint === undefined ? '' : `: ${hint}`}`]
  }
  if (type === 'catch' && direction === 'input') return []
  if (type === 'literal') return findInLiteral(Reflect.get(def, 'values'), path)
  if (type === 'union') return findInUnion(Reflect.get(def, 'options'), path, direction, seen)
  return partsOf(def, direction).flatMap(([step, part]) =>
    find(part, step === '' ? path : `${path}.${step}`, direction, seen),
  )
}

function findInLiteral(values: unknown, path: string): string[] {
  const isJson = (value: unknown) =>
    value === null || Number.isFinite(value) || ['string', 'boolean', 'undefined'].includes(typeof value)
  if (!Array.isArray(values) || values.some(isJson)) return []
  return [`${path}: JSON has none of the values of this z.literal()`]
}

/** JSON meets a union when it meets one of its options. */
function findInUnion(options: unknown, path: string, direction: Direction, seen: Set<unknown>): string[] {
  const found = Array.isArray(options) ? options.map((option) => find(option, path, direction, seen)) : []
  return found.every((mistakes) => mistakes.length > 0) ? found.flat() : []
}

/** The parts of a schema that hold at the same time, by their step in a path. */
function partsOf(def: object, direction: Direction): Part[] {
  const get = (name: string): unknown => Reflect.get(def, name)
  const type = get('type')
  if (type === 'lazy') {
    const getter = get('getter')
    return typeof getter === 'function' ? [['', getter()]] : []
  }
  if (type === 'pipe') return [['', get(direction === 'input' ? 'in' : 'out')]]
  const shape = get('shape')
  const items = get('items')
  return [
    ...(typeof shape === 'object' && shape !== null ? Object.entries(shape) : []),
    ...(Array.isArray(items) ? items.map((item: unknown, n): Part => [String(n), item]) : []),
    ['*', get('element')],
    ['*', get('valueType')],
    ['*', get('catchall')],
    ['*', get('rest')],
    ['', get('innerType')],
    ['', get('left')],
    ['', get('right')],
  ]
}
