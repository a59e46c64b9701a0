import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { Keys } from '../../src/queue/redis/keys.ts'
import { startApi, startWorker, submission } from '../peers/drover/peer.ts'
import type { Finding } from '../report.ts'
import type { World } from '../world.ts'
import { makeQueues } from './many-queues.ts'
import type { Row } from './row.ts'

/** An idle stack has settled after this time: what is done seldom was done once. */
const settleMs = 20_000
const measuredMs = 30_000
/** What is sent to find out whether a connection is alive, its server is the same, and how full that is: see docs/redis.md. */
const healthChecks = ['ping', 'info']

/**
 * What a stack that has nothing to do sends to Redis: commands a second, those in scripts included, and connections. With two queues and the
 * deliveries of webhooks on an API and a worker, and with 200 queues on an API and five workers; each before and after jobs have ended.
 */
export const idleCommands: Row = async (world) => [
  ...(await measured(world, { queues: 0, workers: 1, atMost: { commands: 15, connections: 40 } })),
  ...(await measured(world, { queues: 200, workers: 5, atMost: { commands: 1500, connections: 40 } })),
]

interface Stack {
  /** Besides the built-in ones, `io` and `cpu`. */
  queues: number
  workers: number
  atMost: { commands: number; connections: number }
}

async function measured(world: World, { queues, workers, atMost }: Stack): Promise<Finding[]> {
  const { redis } = world
  const { folder, names } = await makeQueues(queues)
  try {
    const env = { JOBS_DIR: folder, ...webhookSecrets }
    const api = await startApi(world, 'drover', env)
    const consumed = [...names.map((name) => `${name}:5`), 'io:100', 'cpu:2'].join(',')
    for (let n = 0; n < workers; n++) await startWorker(world, 'drover', consumed, undefined, env)
    await sleep(settleMs)
    const empty = await commandsPerS(redis)
    const connections = await connectionsOfOthers(redis)
    for (const type of names.length > 0 ? names : ['echo']) {
      await world.load('closedLoop', {
        call: submission(world, api.port, { type, input: {} }),
        connections: 1,
        count: 1,
      })
    }
    const lists = names.length > 0 ? names : ['io']
    const ended = async () => Promise.all(lists.map((name) => redis.zcard(new Keys('drover').bull(name, 'completed'))))
    while ((await ended()).includes(0)) await sleep(100)
    await sleep(settleMs)
    const filled = await commandsPerS(redis)
    const name = `${lists.length === 1 ? 3 : queues + 3} queues, ${workers + 1} processes`
    const line = (what: string, ours: number, most?: number): Finding => ({
      name: `idle, ${name}: ${what}`,
      yardstick: '',
      ours: [ours],
      theirs: [],
      ...(most !== undefined && { target: { of: 'ours', atMost: most } }),
    })
    return [
      line('commands/s', empty.commands, atMost.commands),
      line('commands/s with ended jobs', filled.commands, atMost.commands),
      line('health checks/s', empty.health),
      line('connections', connections, atMost.connections),
    ]
  } finally {
    await world.clear()
    await rm(folder, { recursive: true })
  }
}

/** Workers consume the queue of deliveries where they may sign them. */
const webhookSecrets = { WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32).toString('base64')}` }

async function commandsPerS(redis: Redis): Promise<{ commands: number; health: number }> {
  await redis.config('RESETSTAT')
  await sleep(measuredMs)
  const stats = await redis.info('commandstats')
  const calls = Array.from(
    stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm),
    ([, name = '', count]) => [name, Number(count)] as const,
  )
  const sum = (isCounted: (name: string) => boolean) =>
    calls.reduce((all, [name, count]) => all + (isCounted(name) ? count : 0), 0) / (measuredMs / 1000)
  const isHealth = (name: string) => healthChecks.includes(name)
  return { commands: sum((name) => !isHealth(name)), health: sum(isHealth) }
}

/** The connections but that of the benchmark itself. */
async function connectionsOfOthers(redis: Redis): Promise<number> {
  return (
    String(await redis.client('LIST'))
      .trim()
      .split('\n').length - 1
  )
}
