/** A placeholder in an input for a value that is known later: part of an earlier output, or of an item of a map. */
type Reference = { kind: 'output' | 'item'; pointer: string }

/** A longer pointer is refused before its tokens are read: in 8 MB there is room for four million. */
const maxPointerLength = 1000

/** An invalid reference; `pointer` leads to it from the input. */
export interface TemplateMistake {
  pointer: string
  detail: string
}

/** Reads `{ "$output": pointer }` or `{ "$item": pointer }`, which must be the only key of its object; a string is what is wrong with it. */
function readReference(value: object): Reference | string | undefined {
  const key = Object.hasOwn(value, '$output') ? '$output' : Object.hasOwn(value, '$item') ? '$item' : undefined
  if (key === undefined) return undefined
  const pointer: unknown = Reflect.get(value, key)
  if (Object.keys(value).length > 1) return `${key} must stand alone in its object`
  if (typeof pointer === 'string' && pointer.length > maxPointerLength)
    return `${key} must have at most ${maxPointerLength} characters`
  if (typeof pointer !== 'string' || !parsePointer(pointer))
    return `${key} must be a JSON Pointer, such as "" or "/links/0"`
  return { kind: key === '$output' ? 'output' : 'item', pointer }
}

/** Reads `{ "$literal": value }`, which stands for the value as it is: nothing in it is a reference. A string is what is wrong with it. */
function readLiteral(value: object): { value: unknown } | string | undefined {
  if (!Object.hasOwn(value, '$literal')) return undefined
  if (Object.keys(value).length > 1) return '$literal must stand alone in its object'
  return { value: Reflect.get(value, '$literal') }
}

/** All references in a JSON value, all invalid ones, and whether it has literals. `base` is the pointer of the value. */
export function findReferences(
  value: unknown,
  base = '',
): { references: (Reference & { at: string })[]; mistakes: TemplateMistake[]; hasLiterals: boolean } {
  const references: (Reference & { at: string })[] = []
  const mistakes: TemplateMistake[] = []
  let hasLiterals = false
  const walk = (part: object, at: string): void => {
    const reference = Array.isArray(part) ? undefined : (readLiteral(part) ?? readReference(part))
    if (typeof reference === 'string') mistakes.push({ pointer: at, detail: reference })
    else if (reference && 'value' in reference) hasLiterals = true
    else if (reference) references.push({ ...reference, at })
    else if (Array.isArray(part)) {
      for (const [index, inner] of part.entries()) if (isObject(inner)) walk(inner, `${at}/${index}`)
    } else {
      for (const [key, inner] of Object.entries(part)) if (isObject(inner)) walk(inner, `${at}/${escapeToken(key)}`)
    }
  }
  if (isObject(value)) walk(value, base)
  return { references, mistakes, hasLiterals }
}

/** The value with each reference replaced by the result of `lookUp`, and each literal by its value. */
export function fillReferences(value: unknown, lookUp: (reference: Reference) => unknown): unknown {
  if (Array.isArray(value)) return value.map((inner) => fillReferences(inner, lookUp))
  if (typeof value !== 'object' || value === null) return value
  const literal = readLiteral(value)
  if (typeof literal === 'object') return literal.value
  const reference = readReference(value)
  if (typeof reference === 'object') return lookUp(reference)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fillReferences(inner, lookUp)]))
}

/** The tokens of a JSON Pointer (RFC 6901); undefined when it is invalid. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === '') return []
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The value at a pointer; undefined when there is none. */
export function follow(value: unknown, tokens: readonly string[]): { value: unknown } | undefined {
  let at = value
  for (const token of tokens) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token)) return undefined
    if (Array.isArray(at) && !isIndex(token)) return undefined
    at = Reflect.get(at, token)
  }
  return { value: at }
}

/** Whether a token is a valid array index: no sign, no leading zero. */
export function isIndex(token: string): boolean {
  return /^(0|[1-9]\d{0,8})$/.test(token)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function escapeToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
