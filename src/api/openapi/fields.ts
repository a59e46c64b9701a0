import { z } from 'zod'
import { jobStates } from '../../queue/model/job-states.ts'

/** What the schemas of several resources share. */
export const timeField = z.iso.datetime().describe('RFC 3339, UTC, with milliseconds')

/** Names a schema in the OpenAPI document, so that generated clients have a type of that name. */
export function named<S extends z.ZodType>(component: string, schema: S): S {
  return schema.meta({ component })
}

export const stateField = named('State', z.enum(jobStates))

/** An error without its history. */
export const errorSummaryField = named('ErrorSummary', z.object({ code: z.string(), message: z.string() }))

export const doneField = z.boolean().describe('True in the four final states: succeeded, failed, canceled, expired')

export const tagsField = z.array(z.string())

export const metadataField = z.record(z.string(), z.string())

/** An integer in a query: digits alone, as the document says. `schema` has its bounds. */
export function integerParameter<S extends z.ZodType<number>>(schema: S) {
  const read = (text: unknown) => (typeof text === 'string' && /^-?\d{1,16}$/.test(text) ? Number(text) : text)
  return z.preprocess(read, schema)
}

/** How many items a page has at most. */
export const limitParameter = integerParameter(z.int().min(1).max(200)).default(50).describe('1 to 200')

const time = z.iso.datetime({ offset: true }).transform(Date.parse)

/** Bounds of a list. */
export const timeParameters = {
  created_after: time.optional().describe('Only what was created after this time'),
  created_before: time.optional().describe('Only what was created before this time'),
}

/** {@link timeParameters} as epoch ms, both included. */
export function createdRange(query: { created_after?: number | undefined; created_before?: number | undefined }) {
  const { created_after: after = -1, created_before: before = Number.MAX_SAFE_INTEGER } = query
  return { from: after + 1, to: before - 1 }
}

/** One page of a list of what the name says. */
export function pageOf<S extends z.ZodType>(name: string, item: S) {
  const nextCursor = z.string().nullable().describe('Null on the last page')
  return named(`${name}Page`, z.object({ items: z.array(item), next_cursor: nextCursor }))
}

/** {@link pageOf} of a list that may be searched for long. */
export function searchedPageOf<S extends z.ZodType>(name: string, item: S) {
  const early =
    'The page ended early, because the search took long or the page became large: `next_cursor` continues it'
  const complete = z.boolean().optional().describe(`\`false\`: ${early}. Absent otherwise`)
  const back = timeField.optional().describe('With `complete: false`: what was created later has been searched')
  return named(`${name}Page`, pageOf(name, item).extend({ complete, searched_back_to: back }))
}

/** The headers of {@link pageOf}. */
export const pageHeaders = { link: '`rel="next"`: the next page. Absent on the last page' }
