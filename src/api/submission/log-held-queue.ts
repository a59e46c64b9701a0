import type { FastifyBaseLogger } from 'fastify'
import type { HeldBy } from '../../queue/model/held-by.ts'

/** How often it is logged that the jobs of one queue do not start: thousands may be submitted in a second. */
const logEveryMs = 10_000

interface Held {
  /** Monotonic ms. */
  loggedAt: number
  submissions: number
}

/** By the queues of an API, then by name. */
const heldOf = new WeakMap<object, Map<string, Held>>()

/** Logs that a submission was accepted to a queue whose jobs do not start: at once, then every ten seconds with their number. */
export function logHeldQueue(log: FastifyBaseLogger, queues: object, queue: string, { kind }: HeldBy): void {
  const names = heldOf.get(queues) ?? new Map<string, Held>()
  heldOf.set(queues, names)
  const held = names.get(queue) ?? { loggedAt: -Infinity, submissions: 0 }
  names.set(queue, held)
  held.submissions += 1
  const now = performance.now()
  if (now - held.loggedAt < logEveryMs) return
  const fields = { queue, held_by: kind, submissions: held.submissions }
  Object.assign(held, { loggedAt: now, submissions: 0 })
  log.warn(fields, 'accepted submissions to a queue whose jobs do not start')
}
