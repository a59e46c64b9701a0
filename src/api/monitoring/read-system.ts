import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { redisNow } from '../../queue/model/redis-time.ts'
import { version } from '../../version.ts'
import type { RouteDeps } from '../deps.ts'
import { timestamp } from '../http/timestamp.ts'
import { named, timeField } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'

const text = z.string().nullable()
const count = z.int().nullable()

const redisNodeSchema = named(
  'RedisNode',
  z.object({
    version: text,
    memory_used_bytes: count.describe('What counts against the limit'),
    memory_limit_bytes: count.describe('`maxmemory`; 0: there is none'),
    eviction_policy: text.describe('`maxmemory-policy`; must be `noeviction`'),
    append_only_file: z.boolean().nullable().describe('Without it a crash of Redis loses accepted jobs'),
    append_only_file_failed: z.boolean().nullable().describe('The last write to it failed'),
    last_snapshot_at: timeField.nullable(),
    clients: count,
    uptime_ms: count,
  }),
)

const systemSchema = named(
  'Installation',
  z.object({
    version: z.string().describe('Of this API process'),
    node: z.string(),
    authenticated: z.boolean().describe('Clients need an API key'),
    redis: named(
      'SystemRedis',
      z.object({
        cluster: z.boolean(),
        nodes: z
          .array(redisNodeSchema)
          .describe('The server, or each master of a cluster that answers. Null is what Redis does not say'),
      }),
    ),
    clock: named(
      'SystemClock',
      z.object({
        now: timeField.describe('By the clock of Redis, which all times of jobs come from'),
        skew_ms: z.int().describe('How far the clock of this machine is ahead of that'),
      }),
    ),
    queues: z.array(
      named('SystemQueue', z.object({ name: z.string(), workers: z.int(), paused: z.boolean(), queued: z.int() })),
    ),
    worker_versions: z
      .array(named('WorkerVersion', z.object({ version: text, workers: z.int() })))
      .describe('How many workers have each version'),
    warnings: z
      .array(named('Warning', z.object({ code: z.string(), detail: z.string() })))
      .describe('As `/readyz` has them'),
  }),
)

/** `GET /v1/system`: versions, Redis, clocks and workers, for a diagnosis. */
export function readSystem(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, workers, clock, warnings, apiKeys } = deps
  app.get('/v1/system', {
    config: { access: 'admin' },
    schema: {
      operationId: 'readSystem',
      summary: 'Read how the installation is',
      description:
        'Versions, how Redis persists and what it evicts, its memory, the clocks, and the workers of each queue.',
      tags: ['monitoring'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The installation', systemSchema),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async () => {
      const [redis, live, queues] = await Promise.all([
        deps.describeRedis(),
        workers.list(),
        Promise.all(queue.names.map((name) => queue.count(name))),
      ])
      const versions = Map.groupBy(live, ({ report }) => report?.version ?? null)
      return {
        version,
        node: process.versions.node,
        authenticated: apiKeys !== undefined,
        redis: { cluster: redis.isCluster, nodes: redis.nodes.map(nodeResource) },
        clock: { now: timestamp(redisNow()), skew_ms: Math.round(clock.skewMs) },
        queues: queues.map(({ name, workers: consumers, paused, queued }) => ({
          name,
          workers: consumers,
          paused,
          queued,
        })),
        worker_versions: Array.from(versions, ([of, same]) => ({ version: of, workers: same.length })),
        warnings: warnings(),
      }
    },
  })
}

type Node = Awaited<ReturnType<RouteDeps['describeRedis']>>['nodes'][number]

function nodeResource(node: Node): z.output<typeof redisNodeSchema> {
  return {
    version: node.version ?? null,
    memory_used_bytes: node.usedBytes ?? null,
    memory_limit_bytes: node.limitBytes ?? null,
    eviction_policy: node.evictionPolicy ?? null,
    append_only_file: node.hasAppendOnlyFile ?? null,
    append_only_file_failed: node.appendOnlyFileFailed ?? null,
    last_snapshot_at: node.lastSnapshotAt === undefined ? null : timestamp(node.lastSnapshotAt),
    clients: node.clients ?? null,
    uptime_ms: node.uptimeMs ?? null,
  }
}
