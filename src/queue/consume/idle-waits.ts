import type { Logger } from 'pino'
import { type MarkerWait, openMarkers } from '../bullmq/marker-wait.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { QueueLook } from './queue-look.ts'

/** Whether jobs of a queue run, and whether some wait, whatever holds them. */
export interface QueueLooks {
  running: QueueLook
  waiting: QueueLook
}

/**
 * A look is as good as a new one for this part of the life of a lease: a job that starts has a whole one before it can stall. What waits is looked
 * for again after at most this.
 */
const fresh = { share: 1 / 20, waitingMs: 1000 }

/** How the consumers of a process wait for work together, so that an idle one costs the same for many queues as for few. */
export function openIdleWaits(options: {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  workerName: string
  lockMs: number
  log: Logger
}): { looks: QueueLooks; markers: MarkerWait | undefined } {
  const { lockMs, log } = options
  const freshMs = lockMs * fresh.share
  const looks = {
    running: new QueueLook({ ...options, freshMs, lists: ['active'] }),
    waiting: new QueueLook({
      ...options,
      freshMs: Math.min(freshMs, fresh.waitingMs),
      lists: ['wait', 'prioritized', 'delayed', 'held', 'paused'],
    }),
  }
  const onError = (error: unknown) => log.warn({ err: error }, 'failed to wait for jobs; trying again')
  return { looks, markers: openMarkers({ ...options, onError }) }
}
