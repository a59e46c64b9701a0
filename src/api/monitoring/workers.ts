import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { shownWorkerName } from '../../queue/model/worker-name.ts'
import type { LiveWorker } from '../../queue/workers/workers.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { timestamp } from '../http/timestamp.ts'
import { named, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const workerSchema = named(
  'Worker',
  z.object({
    id: z.string().describe('Of this process: another when it starts again'),
    name: z.string().describe('As `worker` of jobs has it; workers with one `WORKER_NAME` share it'),
    version: z.string().nullable().describe('Null, as what follows from a report: the worker has made none yet'),
    node: z.string().nullable().describe('Version of Node.js'),
    draining: z.boolean().describe('It takes no more jobs'),
    load: z.number().nullable().describe('Running jobs for each that it could run: 0 to 1'),
    running: z.int().nullable(),
    queues: z.array(
      named(
        'WorkerQueue',
        z.object({
          name: z.string(),
          concurrency: z.int().nullable().describe('How many jobs of the queue it runs at the same time'),
          running: z.int().nullable(),
        }),
      ),
    ),
    jobs: z
      .array(named('WorkerJob', z.object({ id: z.string(), type: z.string(), started_at: timeField })))
      .describe('Up to 20 of the jobs that it runs, as it last reported them: every two seconds at most'),
    memory_bytes: z.int().nullable(),
    started_at: timeField.nullable(),
    last_heartbeat_at: timeField,
  }),
)

const exampleWorker = {
  id: 'worker-7:31:9f2c11aa',
  name: 'worker-7:31',
  version: '0.2.0',
  node: '24.21.0',
  draining: false,
  load: 0.5,
  running: 2,
  queues: [{ name: 'cpu', concurrency: 4, running: 2 }],
  jobs: [
    { id: 'cpu_01k7p3x9v2m4q6r8s0t1w3y5z7', type: 'resize-image', started_at: '2026-12-01T08:00:00.000Z' },
    { id: 'cpu_01k7p3x9v2m4q6r8s0t1w3y5z8', type: 'count-primes', started_at: '2026-12-01T08:00:01.000Z' },
  ],
  memory_bytes: 96_000_000,
  started_at: '2026-12-01T07:00:00.000Z',
  last_heartbeat_at: '2026-12-01T08:00:04.000Z',
}

/** `GET /v1/workers`: what each runs. `POST /v1/workers/{id}/drain`: let one take no more jobs. */
export function workerRoutes(app: FastifyInstance, { workers }: RouteDeps): void {
  app.get('/v1/workers', {
    config: { access: 'admin' },
    schema: {
      operationId: 'listWorkers',
      summary: 'List the worker processes',
      description: 'Each worker with a heartbeat of the last 15 seconds: its version, its queues and what it runs.',
      tags: ['monitoring'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('All workers', named('WorkerList', z.object({ items: z.array(workerSchema) })), {
          example: { items: [exampleWorker] },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async () => ({ items: (await workers.list()).map(workerResource) }),
  })
  app.post<{ Params: { id: string } }>('/v1/workers/:id/drain', {
    config: { access: 'admin' },
    schema: {
      operationId: 'drainWorker',
      summary: 'Let a worker take no more jobs',
      description:
        'The worker takes no more jobs at once, or within a minute where the message is lost. Its running jobs go on to their end. It stays, and answers 503 on `/readyz`, until it is stopped. Idempotent.',
      tags: ['monitoring'],
      params: z.object({ id: z.string() }),
      querystring: z.strictObject({}),
      response: {
        202: jsonResponse('The worker was asked', workerSchema, { example: { ...exampleWorker, draining: true } }),
        ...problemResponses('worker_not_found', 'queue_unavailable'),
      },
    },
    handler: async ({ params: { id } }, reply) => {
      const worker = await workers.drain(id)
      if (worker) return reply.code(202).send(workerResource(worker))
      throw new Problem('worker_not_found', `No worker "${cutText(id, 100)}" has a heartbeat.`)
    },
  })
}

function workerResource({
  id: workerId,
  name,
  lastHeartbeat,
  consumes,
  report,
  isDraining,
}: LiveWorker): z.output<typeof workerSchema> {
  const queues = report
    ? Object.entries(report.queues).map(([queue, { concurrency, running }]) => ({ name: queue, concurrency, running }))
    : consumes.map((queue) => ({ name: queue, concurrency: null, running: null }))
  const running = report ? queues.reduce((sum, queue) => sum + (queue.running ?? 0), 0) : null
  const capacity = queues.reduce((sum, queue) => sum + (queue.concurrency ?? 0), 0)
  return {
    id: workerId,
    name: shownWorkerName(name, true),
    version: report?.version ?? null,
    node: report?.node ?? null,
    draining: isDraining,
    load: running === null || capacity === 0 ? null : Math.round((100 * running) / capacity) / 100,
    running,
    queues,
    jobs: (report?.jobs ?? []).map(({ id, type, startedAt }) => ({ id, type, started_at: timestamp(startedAt) })),
    memory_bytes: report?.memoryBytes ?? null,
    started_at: report ? timestamp(report.startedAt) : null,
    last_heartbeat_at: timestamp(lastHeartbeat),
  }
}
