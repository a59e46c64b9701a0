import { z } from 'zod'
import { maxWaitS } from '../http/prefer-header.ts'
import { emptyResponse, jsonResponse } from './responses.ts'

/** Documents the request header that makes an answer wait. `mayBeMinimal`: and that makes it short. */
export function preferParameter(kind: 'job' | 'flow' | 'operation', mayBeMinimal = false) {
  const wait = `\`wait=N\`: answer when the ${kind} is done, after N seconds at the latest. N is capped at ${maxWaitS}`
  const minimal = '`return=minimal`: answer with `id`, `state` and `links` alone, after a wait with the output alone'
  return z
    .string()
    .optional()
    .describe(mayBeMinimal ? `${wait}. ${minimal}` : wait)
}

/** Documents the headers of an answer that may have waited. */
export function waitHeaders(kind: 'job' | 'flow' | 'operation') {
  return {
    location: `Where the ${kind} can be read`,
    'preference-applied': '`wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds',
  }
}

/** … of one that may have been short. */
export const minimalHeader = {
  'preference-applied':
    '`wait=N`: the request had a `Prefer: wait`, and N is its limit in seconds; `return=minimal`: the answer is short',
}

/** Documents the header of an answer that has waited for the end. */
export const timingHeader = {
  'server-timing':
    'After a wait for the end: `queue`, `run` and `total` in ms. Of a flow, and of what never started, `total` alone',
}

/** Documents the request headers and the successful answers of reading a job or a flow. */
export function readingWithWait(kind: 'job' | 'flow', schema: z.ZodType) {
  const headers = {
    ...waitHeaders(kind),
    location: `With \`Prefer: wait\`: where the ${kind} can be read`,
    etag: `Identifies this state of the ${kind}`,
    'cache-control': '`no-cache`: reuse it after a request with `If-None-Match` only',
  }
  return {
    headers: z.object({
      prefer: preferParameter(kind),
      'if-none-match': z.string().optional().describe('The `ETag` of the state that the client has'),
    }),
    response: {
      200: jsonResponse(`The ${kind}`, schema, { headers: { ...headers, ...timingHeader } }),
      202: jsonResponse(`With \`Prefer: wait\`: the ${kind} was not done when the wait ended`, schema, { headers }),
      304: emptyResponse(`The ${kind} is as the client has it`, { ...headers, ...timingHeader }),
    },
  }
}
