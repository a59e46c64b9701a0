import type { RedisQueueBackend } from 'bullmq'
import type { Redis } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'

const takeBackStart = loadScript('bullmq/take-back-start')
const markUnknownScript = loadScript('bullmq/mark-unknown')

/** A backend, and the connection that it has, so that the order of commands holds. */
export interface Held {
  redis: Redis
  backend: RedisQueueBackend
}

/**
 * A job goes back to the head of its queue without using up an attempt; not `hasStarted`: as if it had not been fetched.
 *
 * @throws what BullMQ says when the lock is not `token`: nothing has changed then
 */
export async function putBack({ redis, backend }: Held, id: string, token: string, hasStarted: boolean): Promise<void> {
  // Sent together and on one connection, so in this order: the first needs the lock that the second gives up.
  const takenBack = hasStarted ? undefined : takeBack({ redis, backend }, id, token)
  await Promise.all([takenBack, backend.moveJobFromActiveToWait(id, token)])
  // BullMQ sets no marker here for a prioritised job, so that an idle worker would find it only at its next look.
  await wakeWorker(redis, backend)
}

/** Puts a job that was not run back for a delay; any worker may fetch it then. @throws as {@link putBack} */
export async function leaveToOthers(
  { redis, backend }: Held,
  id: string,
  token: string,
  delayMs: number,
): Promise<void> {
  // As above.
  const takenBack = takeBack({ redis, backend }, id, token)
  await Promise.all([takenBack, backend.moveToDelayed(id, Date.now(), delayMs, token, { skipAttempt: true })])
}

function takeBack({ redis, backend }: Held, id: string, token: string): Promise<unknown> {
  return takeBackStart(redis, [`${backend.toKey(id)}:lock`, backend.toKey(id)], [token])
}

/** Notes that a worker did not know a job. @returns since when that is so, in epoch ms */
export async function markUnknown({ redis, backend }: Held, id: string): Promise<number> {
  return Number(await markUnknownScript(redis, [backend.toKey(id)], [Date.now()]))
}

/** An idle worker of the queue looks for a job: by BullMQ's marker. */
export async function wakeWorker(redis: Redis, backend: RedisQueueBackend): Promise<void> {
  await redis.zadd(backend.toKey('marker'), 0, '0')
}
