import { pointerTo } from '../../jobs/json-pointer.ts'

/** A value as JSON represents it, or why it cannot be. `problem` names the place, as in `/output/rows/3/total is a bigint`. */
export type JsonResult = { ok: true; value: unknown } | { ok: false; problem: string }

const maxDepth = 1000

/**
 * Copies a value as JSON represents it, so that threads, processes and Redis see the same and later changes of the original have no
 * effect. Stricter than `JSON.stringify` where that loses data silently: functions, symbols, NaN, bytes, Map and Set are refused. As
 * there, `toJSON` is called and undefined properties are left out. Undefined as the whole value is null. Lone surrogates become U+FFFD,
 * since many readers of JSON refuse them. Never throws.
 */
export function toJson(value: unknown, base: string): JsonResult {
  const path: string[] = []
  try {
    return { ok: true, value: value === undefined ? null : copy(value, path) }
  } catch (error) {
    if (error instanceof NotJson) return { ok: false, problem: `${pointerTo(base, path)} ${error.message}` }
    // A getter, a `toJSON` or a proxy of the job's code threw.
    return { ok: false, problem: `${pointerTo(base, path)} cannot be read` }
  }
}

class NotJson extends Error {}

/** `path` is one list for the whole walk: when a value is refused, it holds the path to it. */
function copy(value: unknown, path: string[]): unknown {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'object') return copyObject(value, path)
  if (typeof value !== 'number') throw new NotJson(`is a ${typeof value}`)
  if (!Number.isFinite(value)) throw new NotJson(`is ${value}`)
  return value
}

function copyObject(value: object, path: string[]): unknown {
  if (path.length >= maxDepth) throw new NotJson(`is nested more than ${maxDepth} levels deep, or contains itself`)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    throw new NotJson('is binary: encode it, for example as base64')
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const replaced: unknown = value.toJSON(path.at(-1) ?? '')
    if (replaced !== value) return copyAt(replaced, path, 'toJSON()')
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (item === undefined ? null : copyAt(item, path, String(index))))
  }
  const entries = Object.entries(value)
  if (entries.length === 0 && !isPlain(value)) throw new NotJson(`is a ${value.constructor?.name ?? 'strange object'}`)
  const copied: Record<string, unknown> = {}
  for (const [key, item] of entries) {
    if (item === undefined) continue
    const itemCopy = copyAt(item, path, key)
    // Assigning this one key would set the prototype.
    if (key === '__proto__') Object.defineProperty(copied, key, { value: itemCopy, enumerable: true })
    else copied[key.toWellFormed()] = itemCopy
  }
  return copied
}

function copyAt(value: unknown, path: string[], key: string): unknown {
  path.push(key)
  const copied = copy(value, path)
  path.pop()
  return copied
}

/** True also for plain objects of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
