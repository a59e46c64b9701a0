/** On so many levels a part in canonical order is left to JSON.stringify, which is many times faster than code of ours. */
const checkedLevels = 3

/** The JSON text of a parsed JSON value with the keys of every object in the order of their UTF-16 code units: the same for equal values. */
export function canonicalJson(value: unknown): string {
  return write(value, checkedLevels)
}

function write(value: unknown, levels: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (levels > 0 && isOrdered(value)) return JSON.stringify(value)
  if (Array.isArray(value)) {
    if (!value.some(isObject)) return JSON.stringify(value)
    return `[${value.map((item) => write(item, levels - 1)).join(',')}]`
  }
  let text = '{'
  for (const key of Object.keys(value).toSorted()) {
    text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${write(Reflect.get(value, key), levels - 1)}`
  }
  return `${text}}`
}

/** Whether every object in a value, itself included, has its keys in order. */
function isOrdered(value: object): boolean {
  if (Array.isArray(value)) return value.every((item) => !isObject(item) || isOrdered(item))
  let before = ''
  for (const key of Object.keys(value)) {
    if (key < before) return false
    before = key
    const item: unknown = Reflect.get(value, key)
    if (isObject(item) && !isOrdered(item)) return false
  }
  return true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
