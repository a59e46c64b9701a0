import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { asJsonText } from './answer-when-done.ts'
import { linkNextPage } from './next-page.ts'
import { timestamp } from './timestamp.ts'

/** A page of a list that is searched stops after this, at the end of what it reads just then, and says how far it came. */
const searchMs = 250
/** … or when it has this many characters of JSON. */
const maxCharacters = 8 * 1024 * 1024

/** A page of a list. `end`: the ULID up to which it has everything; undefined: to the end of the list. */
export interface SearchedPage {
  /** JSON. */
  items: string[]
  end: string | undefined
  /** It has neither as many items as were asked for, nor all that there are. */
  isCutShort: boolean
}

/** What was found next; see JobIndex.search. */
interface Step<T> {
  found: (T & { ulid: string })[]
  searchedTo: string | undefined
}

/**
 * Fills a page from a search. `read` gives, in the order of what was found, the JSON of each item that matches, undefined for any other.
 * What was found is read in groups of the size of what the page lacks.
 */
export async function fillPage<T>(
  search: AsyncIterable<Step<T>>,
  limit: number,
  read: (found: T[]) => AsyncIterable<string | undefined>,
): Promise<SearchedPage> {
  const until = performance.now() + searchMs
  const items: string[] = []
  let characters = 0
  for await (const { found, searchedTo } of search) {
    for (let next = 0; next < found.length; ) {
      const group = found.slice(next, next + limit - items.length)
      for await (const item of read(group)) {
        const end = found[next++]?.ulid
        if (item !== undefined) items.push(item)
        characters += item?.length ?? 0
        if (next === found.length && searchedTo === undefined) return { items, end: undefined, isCutShort: false }
        if (items.length === limit) return { items, end, isCutShort: false }
        if (characters >= maxCharacters) return { items, end, isCutShort: true }
      }
      // What one step finds, a page has, however busy the process is: a short list is whole.
      if (next < found.length && performance.now() > until) {
        return { items, end: found[next - 1]?.ulid, isCutShort: true }
      }
    }
    if (searchedTo === undefined) break
    if (performance.now() > until) return { items, end: searchedTo, isCutShort: true }
  }
  return { items, end: undefined, isCutShort: false }
}

/** Answers with a page, and the link to the next one. */
export function answerPage(
  request: FastifyRequest,
  reply: FastifyReply,
  { items, end, isCutShort }: SearchedPage,
  timeOf: (ulid: string) => number,
): FastifyReply {
  const next_cursor = end ?? null
  linkNextPage(request, reply, next_cursor)
  const cut = end !== undefined && isCutShort ? `,"complete":false,"searched_back_to":"${timestamp(timeOf(end))}"` : ''
  return reply
    .type('application/json; charset=utf-8')
    .serializer(asJsonText)
    .send(`{"items":[${items.join(',')}],"next_cursor":${JSON.stringify(next_cursor)}${cut}}`)
}

/** The `cursor` of a list that {@link answerPage} gave: the ULID behind which the next page begins. */
export function cursorParameter(ulidPattern: RegExp) {
  return z
    .preprocess(plainCursor, z.string().regex(ulidPattern, 'is not a cursor of this list'))
    .optional()
    .describe('`next_cursor` of the page before')
}

/** Version 0.2 wrote cursors in base64, and a client may be in the middle of a list. */
function plainCursor(text: unknown): unknown {
  return typeof text === 'string' && text.length === 35 ? Buffer.from(text, 'base64url').toString() : text
}
