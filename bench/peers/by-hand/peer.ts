import { Queue } from 'bullmq'
import type { Peer } from '../peer.ts'

/** About sixty lines of Fastify and BullMQ, without Drover's features. */
const byHand: Peer = {
  name: 'by-hand',
  missing: () => undefined,
  async start(world, prefix, concurrency) {
    const env = { REDIS_URL: world.redisUrl, KEY_PREFIX: prefix, CONCURRENCY: String(concurrency) }
    const api = await world.start('bench/peers/by-hand/server.ts', env)
    const worker = await world.start('bench/peers/by-hand/worker.ts', env)
    const queue = new Queue('jobs', { connection: world.redis, prefix })
    const call = {
      origin: `http://127.0.0.1:${api.port}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'echo', input: { hello: 'world' } }),
    }
    return {
      api,
      worker,
      submit: { ...call, path: '/jobs', status: 202 },
      wait: { ...call, path: '/jobs?wait=30', status: 200 },
      endedKey: queue.toKey('completed'),
      hold: (held) => (held ? queue.pause() : queue.resume()),
      stop: async () => void (await Promise.all([worker.stop(), api.stop()])),
    }
  },
}

export default byHand
