import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { freePorts } from '../../../src/dev/free-ports.ts'
import type { Peer } from '../peer.ts'

/** A clone of https://github.com/taskforcesh/bullmq-proxy in which `npm install` and `npm install bun` were run. */
const folder = process.env['PEER_BULLMQ_PROXY'] ?? ''
const bun = join(folder, 'node_modules/.bin/bun')

/**
 * BullMQ behind the HTTP server of Bun. It calls an endpoint with each job, over HTTP, too: that is how a service without BullMQ has its
 * jobs run. It has no request that waits.
 */
const bullmqProxy: Peer = {
  name: 'bullmq-proxy',
  missing: () =>
    existsSync(bun) && existsSync(join(folder, 'src/index.ts'))
      ? undefined
      : 'PEER_BULLMQ_PROXY names no clone with its packages and bun',
  async start(world, prefix, concurrency) {
    const [port = 0] = await freePorts(1)
    const redis = new URL(world.redisUrl)
    const api = await world.startProgram({
      command: bun,
      args: ['src/index.ts'],
      cwd: folder,
      // With REDIS_URL it ends before it has connected.
      env: {
        PORT: String(port),
        REDIS_HOST: redis.hostname,
        REDIS_PORT: redis.port,
        QUEUE_PREFIX: prefix,
        AUTH_TOKENS: 'bench',
      },
      port,
    })
    const worker = await world.start('bench/peers/bullmq-proxy/endpoint.ts', {})
    const origin = `http://127.0.0.1:${port}`
    const headers = { authorization: 'Bearer bench', 'content-type': 'application/json' }
    const job = { name: 'echo', data: { hello: 'world' } }
    const endpoint = { url: `http://127.0.0.1:${worker.port}/`, method: 'POST', timeout: 30_000 }
    const registered = await fetch(`${origin}/workers`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ queue: 'jobs', endpoint, opts: { concurrency } }),
    })
    if (!registered.ok) throw new Error(`bullmq-proxy: ${registered.status} ${await registered.text()}`)
    const queue = new Queue('jobs', { connection: world.redis, prefix })
    const batch = (jobs: number) => ({
      origin,
      path: '/queues/jobs/jobs',
      headers,
      body: JSON.stringify(Array.from({ length: jobs }, () => job)),
      status: 200,
    })
    return {
      api,
      worker,
      submit: batch(1),
      batch,
      endedKey: queue.toKey('completed'),
      hold: (held) => (held ? queue.pause() : queue.resume()),
      stop: async () => void (await Promise.all([worker.stop(), api.stop()])),
    }
  },
}

export default bullmqProxy
