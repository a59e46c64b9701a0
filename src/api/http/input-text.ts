import type { JsonScanner } from './scan-json.ts'

/** By the value of a body. */
const texts = new WeakMap<object, Buffer>()

/** Keeps the text of the member `input` of a large body, where it is what JSON.stringify would make of its value. */
export function keepInputText(value: unknown, text: Buffer, { input: { found } }: Pick<JsonScanner, 'input'>): void {
  if (!found || typeof value !== 'object' || value === null) return
  const { start, end, members } = found
  // Of a name that occurs twice in an object the value has one.
  if (members > 0 && countMembers(Reflect.get(value, 'input')) !== members) return
  texts.set(value, text.subarray(start, end))
}

/** The JSON text of the member `input` of a parsed body, as the client sent it; undefined: it was not kept. */
export function inputTextOf(body: unknown): Buffer | undefined {
  return typeof body === 'object' && body !== null ? texts.get(body) : undefined
}

/** In all objects of a value, which is as deep as a body may be. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) for (const item of value) count += countMembers(item)
  else for (const key in value) count += 1 + countMembers(Reflect.get(value, key))
  return count
}
