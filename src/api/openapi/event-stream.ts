import { z } from 'zod'

/** Documents how a client resumes an event stream. */
export const resumeParameter = z
  .string()
  .optional()
  .describe('Resume after the event with this id. Takes precedence over `Last-Event-ID`')
export const resumeHeader = z.object({
  'last-event-id': z.string().optional().describe('Resume after the event with this id'),
})

/** Documents the headers of an answer that is sent piece by piece. */
export const streamHeaders = {
  'cache-control': '`no-cache, no-transform`',
  'x-accel-buffering': '`no`: a proxy must pass on each piece at once',
}

/** Documents a stream of server-sent events. */
export function eventStreamResponse(description: string, example: string) {
  return {
    description,
    headers: streamHeaders,
    content: { 'text/event-stream': { schema: z.string(), examples: { example: { value: example } } } },
  }
}
