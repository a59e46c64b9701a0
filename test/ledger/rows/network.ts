import { setTimeout as sleep } from 'node:timers/promises'
import type { TcpProxy } from '../../helpers/tcp-proxy.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

/** One more process of a role, which reaches Redis through a proxy. */
async function behindProxy(world: World, role: 'api' | 'worker'): Promise<TcpProxy> {
  const { proxy, env } = await world.proxy()
  await (role === 'api' ? world.startApi(env) : world.startWorker(env))
  return proxy
}

function partition(role: 'api' | 'worker', held: 'requests' | 'answers'): Row {
  const direction = held === 'requests' ? 'to Redis' : 'from Redis'
  return {
    name: `${role}-partition-${held}`,
    title: `One of two ${role === 'api' ? 'APIs' : 'workers'}: nothing passes ${direction} for 5 s, and no connection closes`,
    setup: { workers: 1 },
    async cause(world, clients) {
      const proxy = await behindProxy(world, role)
      await clients.moreAccepted(20)
      await world.fault(async () => {
        proxy.hold(held)
        await sleep(5000)
        proxy.hold('nothing')
      })
    },
  }
}

/** Faults of the network between processes and Redis. */
export const networkRows: Row[] = [
  partition('worker', 'requests'),
  partition('worker', 'answers'),
  partition('api', 'requests'),
  partition('api', 'answers'),
  {
    name: 'slow-link',
    title: 'One of two workers reaches Redis by 50 kB/s, for 6 s',
    setup: { workers: 1 },
    async cause(world, clients) {
      const proxy = await behindProxy(world, 'worker')
      await clients.moreAccepted(20)
      await world.fault(async () => {
        proxy.limit(50_000)
        await sleep(6000)
        proxy.limit(Infinity)
      })
    },
  },
  {
    name: 'connection-resets',
    title: 'All connections of one of two workers and of one of two APIs are reset each 200 ms, for 4 s',
    setup: { workers: 1 },
    async cause(world, clients) {
      const proxies = [await behindProxy(world, 'worker'), await behindProxy(world, 'api')]
      await clients.moreAccepted(20)
      await world.fault(async () => {
        for (let n = 0; n < 20; n++) {
          for (const proxy of proxies) proxy.reset()
          await sleep(200)
        }
      })
    },
  },
]
