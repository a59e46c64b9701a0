import type { z } from 'zod'
import { parseValue } from '../../jobs/parse-value.ts'
import type { Mistakes } from './mistakes.ts'

/** Of a value with more parts than this only the first mistakes are looked for. */
const maxParts = 2000

/**
 * Parses a value from a request at a cost that does not grow with the number of its mistakes: there may be four million in a body.
 *
 * @param base the pointer of the value
 * @returns the parsed value in an object, or undefined after adding to `mistakes`
 */
export function parseBounded<S extends z.ZodType>(
  schema: S,
  value: unknown,
  mistakes: Mistakes,
  base = '',
): { data: z.output<S> } | undefined {
  const first = parseValue(schema, value, { stopEarly: true })
  if (first.success) return { data: first.data }
  const all = hasFewParts(value) ? parseValue(schema, value).error : undefined
  mistakes.addIssues((all ?? first.error).issues, base)
  return undefined
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
  count(value)
  return left >= 0
}
