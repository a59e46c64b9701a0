import { z } from 'zod'

type ParsedValue<T> =
  | { success: true; data: T; error?: undefined }
  | { success: false; error: { issues: z.core.$ZodIssue[] } }

/** An option of Zod that its types keep to themselves: an array or object is left at its first wrong element. */
const abortEarly = { jitless: false, abortEarly: true }

/** Zod says of what is missing that it is of another type. */
const error = ({ code, input }: { code: string; input?: unknown }) =>
  code === 'invalid_type' && input === undefined ? 'is required' : undefined

/**
 * Parses a value by the schema of a job type. A schema may run code of the job's author (transforms, refinements, getters): whatever that
 * throws is an issue at the root of the value, as is a schema that turns out to be asynchronous. Never throws.
 *
 * @param options `stopEarly`: not all issues are looked for. Zod makes an object for each, and a value of megabytes has room for millions
 */
export function parseValue<S extends z.ZodType>(
  schema: S,
  value: unknown,
  { stopEarly = false }: { stopEarly?: boolean } = {},
): ParsedValue<z.output<S>> {
  try {
    return schema.safeParse(value, stopEarly ? { ...abortEarly, error } : { error })
  } catch (thrown) {
    const issue = { code: 'custom' as const, path: [], input: undefined, message: reason(thrown) }
    return { success: false, error: new z.ZodError([issue]) }
  }
}

/** Of a value with more parts than this only the first issues are looked for. */
const maxParts = 2000

/** {@link parseValue} at a cost that does not grow with the number of issues: all of a small value, the first ones of a large value. */
export function parseBoundedValue<S extends z.ZodType>(schema: S, value: unknown): ParsedValue<z.output<S>> {
  const first = parseValue(schema, value, { stopEarly: true })
  if (first.success || !hasFewParts(value)) return first
  const all = parseValue(schema, value)
  return all.success ? first : all
}

function hasFewParts(value: unknown): boolean {
  let left = maxParts
  const count = (part: unknown): void => {
    left -= 1
    if (left < 0 || typeof part !== 'object' || part === null) return
    if (Array.isArray(part) && part.length > left) left = -1
    else
      for (const key in part) {
        if (left < 0) return
        count(Reflect.get(part, key))
      }
  }
  try {
    count(value)
    return left >= 0
  } catch {
    // A getter of what a handler returned may throw.
    return false
  }
}

/** Names the kind of the error alone: its message is the author's, and may quote what no client should see. */
function reason(error: unknown): string {
  if (error instanceof z.core.$ZodAsyncError) return 'cannot be parsed: the schema of this job type is asynchronous'
  const name = error instanceof Error ? error.name : typeof error
  return `cannot be parsed: the schema of this job type threw ${name}`
}

/**
 * Whether a schema is asynchronous: it has a transform or a refinement that is an async function, or a check that returns a promise when it is
 * tried with `undefined`. A transform that only returns a promise is not found.
 */
export function isAsync(schema: z.ZodType): boolean {
  const seen = new Set<object>()
  const find = (value: unknown): boolean => {
    if (typeof value === 'function') return value.constructor.name === 'AsyncFunction'
    if (typeof value !== 'object' || value === null || seen.has(value)) return false
    seen.add(value)
    if (Array.isArray(value)) return value.some(find)
    if ('_zod' in value) return findIn(Object(value)._zod)
    return isPlain(value) && Object.keys(value).some((key) => find(Reflect.get(value, key)))
  }
  const findIn = ({ def, check }: { def: Record<string, unknown>; check?: unknown }): boolean => {
    if (def['type'] === 'lazy' && typeof def['getter'] === 'function' && find(def['getter']())) return true
    return find(def) || (def['check'] === 'custom' && returnsPromise(check))
  }
  return find(schema)
}

/** A wrapped function does not show that it is async, and an async function never throws before it returns its promise. */
function returnsPromise(check: unknown): boolean {
  if (typeof check !== 'function') return false
  try {
    const returned: unknown = check({ value: undefined, issues: [] })
    if (!(returned instanceof Promise)) return false
    // It was only tried.
    returned.catch(() => undefined)
    return true
  } catch {
    // A synchronous check may refuse `undefined` as it likes.
    return false
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
