import { setTimeout as sleep } from 'node:timers/promises'
import type { RoleProcess } from '../role-process.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

function pick(world: World): RoleProcess {
  const living = world.livingWorkers
  const worker = living[Math.floor(world.random() * living.length)]
  if (!worker) throw new Error('no worker lives')
  return worker
}

/** Faults of worker processes. */
export const workerRows: Row[] = [
  {
    name: 'worker-sigkill',
    title: 'SIGKILL of a worker, three times',
    setup: { workers: 3 },
    async cause(world, clients) {
      for (let n = 0; n < 3; n++) {
        await clients.moreAccepted(10 + Math.floor(world.random() * 20))
        const victim = pick(world)
        await world.fault(async () => {
          victim.signal('SIGKILL')
          await victim.ended
        })
        await world.startWorker()
      }
    },
  },
  {
    name: 'worker-sigstop',
    title: 'SIGSTOP of a worker for 4 s (leases hold 2 s), then SIGCONT',
    async cause(world) {
      const victim = pick(world)
      await world.fault(async () => {
        victim.signal('SIGSTOP')
        await sleep(4000)
        victim.signal('SIGCONT')
      })
    },
  },
  {
    name: 'worker-sigterm-storm',
    title: 'SIGTERM to all of 20 workers at once, twice, each replaced',
    setup: { workers: 20 },
    async cause(world, clients) {
      for (let n = 0; n < 2; n++) {
        const victims = world.livingWorkers
        await world.fault(async () => {
          for (const victim of victims) victim.signal('SIGTERM')
          await Promise.all(victims.map(({ ended }) => ended))
        })
        await Promise.all(Array.from({ length: n === 0 ? 20 : 2 }, () => world.startWorker()))
        await clients.moreAccepted(20)
      }
    },
  },
  {
    name: 'loop-blocked',
    title: 'A handler blocks the event loop of its worker for 4 s (leases hold 2 s)',
    async cause(world, clients) {
      const id = await clients.submit('event-loop', { ms: 4000, how: 'compute', deaf: true })
      await world.fault(() => clients.ended(id))
    },
  },
  {
    name: 'poison-pill',
    title: 'Two jobs that kill their worker at each start; a supervisor restarts workers',
    setup: { workers: 3, lockMs: 1000 },
    async cause(world, clients) {
      world.supervise()
      await world.fault(async () => {
        const ids = [
          await clients.submit('event-loop', { how: 'kill-worker' }),
          await clients.submit('thread', { how: 'kill-worker' }),
        ]
        for (const id of ids) await clients.ended(id)
      })
    },
  },
]
