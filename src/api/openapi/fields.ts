import { z } from 'zod'
import { jobStates } from '../../queue/model/job-states.ts'

/** What the schemas of several resources share. */
export const timeField = z.iso.datetime().describe('RFC 3339, UTC, with milliseconds')

export const stateField = z.enum(jobStates)

export const doneField = z.boolean().describe('True in the four final states: succeeded, failed, canceled, expired')

export const tagsField = z.array(z.string())

export const metadataField = z.record(z.string(), z.string())

/** How many items a page has at most. */
export const limitParameter = z.coerce.number().int().min(1).max(200).default(50).describe('1 to 200')

/** One page of a list. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable().describe('Null on the last page') })
}

/** The headers of {@link pageOf}. */
export const pageHeaders = { link: '`rel="next"`: the next page. Absent on the last page' }
