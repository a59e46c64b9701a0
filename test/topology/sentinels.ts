import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedisServer } from '../../src/dev/find-redis.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { launchRedis } from '../../src/dev/redis-process.ts'
import { type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { whenReady } from '../helpers/redis-server.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** A master that does not answer for this long counts as down. Short, but longer than a busy machine delays a server. */
const downAfterMs = 2000
const masterName = 'drover'

/** One master, two replicas, and three sentinels with a quorum of two. */
export interface SentinelGroup {
  /** The value of REDIS_URL. */
  url: string
  /** The first is the master at the start. */
  servers: [OwnRedis, OwnRedis, OwnRedis]
  /** A client per server, and one per sentinel. */
  clients: Redis[]
  sentinels: Redis[]
  /** The port of the current master. */
  masterPort(): Promise<number>
}

/** What is called with each function that stops a part: `onTestFinished` in a test. */
export type OnClose = (close: () => void | Promise<void>) => void

/** Starts a group. `more`: settings of all three servers. */
export async function startSentinelGroup(onClose: OnClose, more: readonly string[] = []): Promise<SentinelGroup> {
  const ownRedis = async (settings: readonly string[]): Promise<OwnRedis> => {
    const redis = await startOwnRedis(settings)
    onClose(() => redis.close())
    return redis
  }
  const master = await ownRedis(more)
  const follow = [...more, '--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0']
  const [first, second] = await Promise.all([ownRedis(follow), ownRedis(follow)])
  const ports = await freePorts(3)
  for (const port of ports) await startSentinel(port, master.port, onClose)
  const clients = ports.map((port) => testClient(port, onClose))
  await Promise.all(
    clients.map((client) => waitFor('a sentinel to know all servers', () => describeMaster(client), knowsAll)),
  )
  await Promise.all(
    [first, second].map(({ port }) => {
      const replica = testClient(port, onClose)
      return waitFor(
        'a replica to have what its master has',
        () => replica.info('replication'),
        (text) => text.includes('master_link_status:up'),
      )
    }),
  )
  const [client] = clients
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${masterName}`,
    servers: [master, first, second],
    clients: [master, first, second].map(({ port }) => testClient(port, onClose)),
    sentinels: clients,
    async masterPort() {
      const answer = await client?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)
      return Number(Array.isArray(answer) ? answer[1] : undefined)
    },
  }
}

/** A connection of the test. */
export function testClient(port: number, onClose: OnClose): Redis {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
  // Errors are expected while a test stops servers.
  client.on('error', () => {})
  onClose(() => client.disconnect())
  return client
}

async function startSentinel(port: number, masterPort: number, onClose: OnClose): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-sentinel-'))
  onClose(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'sentinel.conf')
  // A sentinel is configured by its file, which it rewrites.
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
    `sentinel failover-timeout ${masterName} 10000`,
    `sentinel parallel-syncs ${masterName} 2`,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const sentinel = launchRedis([findRedisServer()?.command ?? 'redis-server', file, '--sentinel'], port)
  onClose(() => sentinel.stop(1000))
  await whenReady(sentinel)
}

async function describeMaster(client: Redis): Promise<Map<string, string>> {
  const answer = await client.call('SENTINEL', 'MASTER', masterName)
  const fields = Array.isArray(answer) ? answer.map(String) : []
  return new Map(fields.flatMap((field, index) => (index % 2 === 0 ? [[field, fields[index + 1] ?? '']] : [])))
}

function knowsAll(fields: Map<string, string>): boolean {
  return fields.get('num-slaves') === '2' && fields.get('num-other-sentinels') === '2'
}
