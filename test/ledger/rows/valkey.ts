import { setTimeout as sleep } from 'node:timers/promises'
import { findRedisServer } from '../../../src/dev/find-redis.ts'
import type { Row } from '../row.ts'

const findValkey = () => findRedisServer(['valkey-server'])

/** On Valkey in place of Redis. */
export const valkeyRows: Row[] = [
  {
    name: 'valkey',
    title:
      'Valkey in place of Redis: SIGKILL of a worker, then of Valkey, which starts again at once, then SIGSTOP of it for 5 s',
    setup: { server: findValkey },
    isMissing: () => (findValkey() ? undefined : 'needs valkey-server'),
    async cause(world, clients) {
      world.supervise()
      await world.fault(async () => {
        const [worker] = world.livingWorkers
        worker?.signal('SIGKILL')
        await worker?.ended
      })
      await clients.moreAccepted(20)
      await world.fault(async () => {
        await world.redis.kill()
        await world.redis.start()
      })
      await clients.moreAccepted(20)
      await world.fault(async () => {
        world.redis.freeze()
        await sleep(5000)
        world.redis.thaw()
      })
    },
  },
]
