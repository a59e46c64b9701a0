import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { TallyOverTime } from '../../queue/stats/tally.ts'
import type { RouteDeps } from '../deps.ts'
import { Mistakes } from '../http/mistakes.ts'
import { timestamp } from '../http/timestamp.ts'
import { integerParameter, named, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const time = z.iso.datetime({ offset: true }).transform(Date.parse)

const query = z.strictObject({
  from: time.optional().describe('From the minute of this time on. Default: an hour before `to`'),
  to: time.optional().describe('Until this time. Default: now. A day is kept'),
  step: integerParameter(z.int().min(minuteMs).max(dayMs))
    .default(minuteMs)
    .describe('The length of a step in ms; rounded up to whole minutes'),
  queue: z.string().regex(queueNamePattern).optional().describe('Only what happened in this queue'),
  type: z.string().min(1).max(100).optional().describe('Only jobs of this type'),
})

const nullableMs = z.int().nullable()
const counts = {
  succeeded: z.int(),
  failed: z.int(),
  canceled: z.int(),
  expired: z.int(),
  started: z.int().describe('Jobs that started for the first time'),
  wait_p50_ms: nullableMs.describe('Half of them had waited for less; within a fifth. Null: none started'),
  wait_p95_ms: nullableMs.describe('95 of 100 of them had waited for less; within a fifth'),
  running: z.number().describe('How many jobs ran on average'),
}

const statsSchema = named(
  'Stats',
  z.object({
    from: timeField,
    to: timeField,
    step_ms: z.int(),
    points: z
      .array(named('StatsPoint', z.object({ at: timeField, ...counts })))
      .describe('The steps in order of time, those without any job included'),
    queues: z.array(named('QueueStats', z.object({ queue: z.string(), ...counts }))).describe('Of the whole time'),
    types: z
      .array(named('TypeStats', z.object({ queue: z.string(), type: z.string(), ...counts })))
      .describe('Of the whole time, by how many jobs ended. `other`: types that a process did not know'),
  }),
)

const exampleCounts = {
  succeeded: 118,
  failed: 2,
  canceled: 0,
  expired: 0,
  started: 121,
  wait_p50_ms: 11,
  wait_p95_ms: 76,
  running: 3.4,
}
const exampleStats = {
  from: '2026-12-01T08:00:00.000Z',
  to: '2026-12-01T08:01:00.000Z',
  step_ms: minuteMs,
  points: [{ at: '2026-12-01T08:00:00.000Z', ...exampleCounts }],
  queues: [{ queue: 'cpu', ...exampleCounts }],
  types: [{ queue: 'cpu', type: 'resize-image', ...exampleCounts }],
}

/** `GET /v1/stats`: what happened lately, for charts. */
export function readStats(app: FastifyInstance, deps: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/stats', {
    config: { access: 'admin' },
    schema: {
      operationId: 'readStats',
      summary: 'Read what happened lately',
      description:
        'Ends, waits and running jobs by minute, of all tenants. Processes add what they count every five seconds; what one counted since then is lost when it is killed.',
      tags: ['monitoring'],
      querystring: query,
      response: {
        200: jsonResponse('The counts', statsSchema, { example: exampleStats }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async ({ query: { from, to, step, queue, type } }) => {
      const range = rangeOf({ from, to, step })
      const { points, queues, types } = await deps.readStats({ ...range, queue, type })
      return {
        from: timestamp(range.from),
        to: timestamp(range.to),
        step_ms: range.stepMs,
        points: points.map(({ at, ...tally }) => ({ at: timestamp(at), ...countsOf(tally) })),
        queues: queues.map(({ queue: name, ...tally }) => ({ queue: name, ...countsOf(tally) })),
        types: types.map(({ queue: name, type: of, ...tally }) => ({ queue: name, type: of, ...countsOf(tally) })),
      }
    },
  })
}

/** @throws Problem where the times exclude each other */
function rangeOf({ from, to, step }: { from: number | undefined; to: number | undefined; step: number }) {
  // Nothing was counted before 1970, and years of less than four digits cannot be shown.
  const until = Math.max(Math.min(to ?? redisNow(), redisNow()), dayMs)
  const since = Math.floor((from ?? until - hourMs) / minuteMs) * minuteMs
  const mistakes = new Mistakes()
  if (since >= until) mistakes.add('from', 'is not before `to`, or is in the future')
  if (mistakes.count > 0) throw mistakes.toProblem()
  // Older minutes are not kept: a longer time has no more points than a day.
  const first = Math.max(since, Math.floor((until - dayMs) / minuteMs) * minuteMs)
  return { from: first, to: until, stepMs: Math.ceil(step / minuteMs) * minuteMs }
}

function countsOf({ waitP50Ms, waitP95Ms, ...tally }: TallyOverTime) {
  return { ...tally, wait_p50_ms: waitP50Ms, wait_p95_ms: waitP95Ms }
}
