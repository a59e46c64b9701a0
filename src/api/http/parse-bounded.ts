import type { z } from 'zod'
import { parseBoundedValue } from '../../jobs/parse-value.ts'
import type { Mistakes } from './mistakes.ts'

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
  const parsed = parseBoundedValue(schema, value)
  if (parsed.success) return { data: parsed.data }
  mistakes.addIssues(parsed.error.issues, base)
  return undefined
}
