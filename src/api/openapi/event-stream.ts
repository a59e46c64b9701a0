import { z } from 'zod'
import { eventIdPattern } from '../http/event-id.ts'
import { emptyResponse } from './responses.ts'

/** Documents how a client resumes an event stream. */
export const resumeParameter = z
  .string()
  .regex(eventIdPattern, 'must be the id of an event of this stream')
  .optional()
  .describe('Resume after the event with this id. Of this and `Last-Event-ID` the later one counts')
export const resumeHeader = z.object({
  'last-event-id': z.string().optional().describe('Resume after the event with this id'),
})

/** Documents the headers of an answer that is sent piece by piece. */
export const streamHeaders = {
  'cache-control': '`no-cache, no-transform`',
  'x-accel-buffering': '`no`: a proxy must pass on each piece at once',
}

/** Documents a stream of server-sent events, and its end. */
export function eventStreamResponses(description: string, example: string) {
  return {
    200: {
      description,
      headers: streamHeaders,
      content: { 'text/event-stream': { schema: z.string(), examples: { example: { value: example } } } },
    },
    204: emptyResponse('The client has the event `done` of the current run: there are no more. An `EventSource` stops'),
  }
}
