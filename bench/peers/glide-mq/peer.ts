import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from '../peer.ts'
import { folder } from './installed.ts'

/** glide-mq behind its own HTTP proxy, with a worker of its own: it keeps jobs in a stream. */
const glideMq: Peer = {
  name: 'glide-mq',
  missing: () =>
    ['glide-mq', 'express'].every((name) => existsSync(join(folder, 'node_modules', name)))
      ? undefined
      : 'PEER_GLIDE_MQ names no folder with glide-mq and express',
  async start(world, prefix, concurrency) {
    const env = {
      REDIS_URL: world.redisUrl,
      KEY_PREFIX: prefix,
      CONCURRENCY: String(concurrency),
      PEER_GLIDE_MQ: folder,
    }
    const api = await world.start('bench/peers/glide-mq/server.ts', env)
    const worker = await world.start('bench/peers/glide-mq/worker.ts', env)
    const origin = `http://127.0.0.1:${api.port}`
    const headers = { 'content-type': 'application/json' }
    const job = { name: 'echo', data: { hello: 'world' } }
    const call = { origin, headers, body: JSON.stringify(job) }
    return {
      api,
      worker,
      submit: { ...call, path: '/queues/jobs/jobs', status: 201 },
      wait: { ...call, path: '/queues/jobs/jobs/wait', status: 200 },
      batch: (jobs) => ({
        ...call,
        path: '/queues/jobs/jobs/bulk',
        body: JSON.stringify({ jobs: Array.from({ length: jobs }, () => job) }),
        status: 201,
      }),
      endedKey: `${prefix}:{jobs}:completed`,
      async hold(held) {
        const response = await fetch(`${origin}/queues/jobs/${held ? 'pause' : 'resume'}`, { method: 'POST' })
        if (!response.ok) throw new Error(`glide-mq: ${response.status} ${await response.text()}`)
      },
      stop: async () => void (await Promise.all([worker.stop(), api.stop()])),
    }
  },
}

export default glideMq
