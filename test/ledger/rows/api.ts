import { setTimeout as sleep } from 'node:timers/promises'
import { watch } from '../../helpers/client.ts'
import type { Clients } from '../clients.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

const streams = 2000
/** The done events of each stream. */
const ends = new WeakMap<World, Promise<number[]>>()

/** Follows a job to its end over connections that break. @returns how many done events it received */
async function follow(world: World, id: string): Promise<number> {
  let lastEventId: number | undefined
  let done = 0
  for (let tries = 0; tries < 600 && done === 0; tries++) {
    try {
      for await (const event of watch(world.apiUrl, id, lastEventId === undefined ? {} : { lastEventId })) {
        if (!Number.isNaN(event.id)) lastEventId = event.id
        if (event.event === 'done') done += 1
      }
    } catch {
      // The connection broke, or no API listens yet: a client connects again.
      await sleep(50)
    }
  }
  return done
}

async function followMany(world: World, clients: Clients): Promise<void> {
  const ids = await Promise.all(
    Array.from({ length: streams }, () => clients.submit('event-loop', { ms: 6000, how: 'wait' })),
  )
  ends.set(world, Promise.all(ids.map((id) => follow(world, id))))
}

/** Faults of API processes. */
export const apiRows: Row[] = [
  {
    name: 'api-sigkill',
    title: 'SIGKILL of an API in the middle of submissions, six times; clients repeat them by their idempotency key',
    setup: { apis: 2 },
    clients: 30,
    async cause(world, clients) {
      for (let n = 0; n < 6; n++) {
        await clients.moreAccepted(5 + Math.floor(world.random() * 10))
        // Some moment of some submissions: each phase is hit by some of the clients.
        await sleep(Math.floor(world.random() * 30))
        const victim = world.apis.find(({ hasEnded }) => !hasEnded)
        await world.fault(async () => {
          victim?.signal('SIGKILL')
          await victim?.ended
        })
        await world.startApi()
      }
    },
  },
  {
    name: 'streams-over-restart',
    title: `${streams} event streams over a SIGTERM of one API and a SIGKILL of the other`,
    setup: { apis: 2, env: { WORKER_QUEUES: 'io:1200,cpu:2' } },
    clients: 5,
    async cause(world, clients) {
      await followMany(world, clients)
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const victim = world.apis.find(({ hasEnded }) => !hasEnded)
        await world.fault(async () => {
          victim?.signal(signal)
          await victim?.ended
        })
        await world.startApi()
      }
    },
    async check(world) {
      const doneEvents = (await ends.get(world)) ?? []
      const lost = doneEvents.filter((times) => times === 0).length
      return {
        lost,
        endedTwice: doneEvents.filter((times) => times > 1).length,
        note: `${doneEvents.length} streams ended once each`,
      }
    },
  },
]
