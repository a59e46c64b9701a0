import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'

function frozen(seconds: number): Row {
  return {
    name: `redis-sigstop-${seconds}`,
    title: `SIGSTOP of Redis for ${seconds} s`,
    async cause(world) {
      await world.fault(async () => {
        world.redis.freeze()
        await sleep(seconds * 1000)
        world.redis.thaw()
      })
    },
  }
}

/** Calls `act` until `ms` are over. */
async function storm(ms: number, everyMs: number, act: () => Promise<unknown>): Promise<void> {
  for (const until = Date.now() + ms; Date.now() < until; await sleep(everyMs)) await act()
}

/** Faults of Redis in which it keeps what it has acknowledged. */
export const redisRows: Row[] = [
  {
    name: 'redis-restart',
    title: 'SIGTERM of Redis, started again after 1 s',
    async cause(world) {
      await world.fault(async () => {
        await world.redis.stop()
        await sleep(1000)
        await world.redis.start()
      })
    },
  },
  {
    name: 'redis-sigkill',
    title:
      'SIGKILL of Redis, twice, started again at once (its file is written with each command, and synced each second)',
    async cause(world, clients) {
      for (let n = 0; n < 2; n++) {
        await world.fault(async () => {
          await world.redis.kill()
          await world.redis.start()
        })
        await clients.moreAccepted(20)
      }
    },
  },
  frozen(1),
  frozen(5),
  frozen(20),
  frozen(60),
  {
    name: 'redis-client-kill',
    title: 'CLIENT KILL of all connections each 100 ms, for 4 s',
    async cause(world) {
      await world.fault(() =>
        storm(4000, 100, async () => {
          await world.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
          await world.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        }),
      )
    },
  },
  {
    name: 'redis-script-flush',
    title: 'SCRIPT FLUSH each 5 ms, for 4 s',
    async cause(world) {
      await world.fault(() => storm(4000, 5, () => world.admin.script('FLUSH')))
    },
  },
]
