import type { RedisQueueBackend } from 'bullmq'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'

const putBackScript = loadScript('bullmq/put-back')
const takeBackStart = loadScript('bullmq/take-back-start')
const retryScript = loadScript('bullmq/retry-job')
const markUnknownScript = loadScript('bullmq/mark-unknown')

/** A backend, and the connection that it has, so that the order of commands holds. */
export interface Held {
  redis: Redis
  backend: RedisQueueBackend
}

/** A job is not its worker's any more. */
class NotHeldError extends Error {
  constructor(id: string, code: number) {
    super(`job ${id} cannot be put back (${code})`)
    this.name = 'NotHeldError'
  }
}

/**
 * A job goes back to the head of its queue without using up an attempt; not `hasStarted`: as if it had not been fetched.
 *
 * @throws NotHeldError when the lock is not `token`: nothing has changed then
 */
export async function putBack({ redis, backend }: Held, id: string, token: string, hasStarted: boolean): Promise<void> {
  const sets = ['active', 'wait', 'prioritized', 'stalled', 'marker', 'meta'].map((set) => backend.toKey(set))
  const names = [backend.toKey(id), `${backend.toKey(id)}:lock`, ...sets]
  const code = Number(
    await putBackScript(redis, names, [id, token, backend.toKey(''), hasStarted ? 1 : '', redisNow()]),
  )
  if (code < 0) throw new NotHeldError(id, code)
}

/** Puts a job that was not run back for a delay; any worker may fetch it then. @throws what BullMQ says when the lock is not `token` */
export async function leaveToOthers(
  { redis, backend }: Held,
  id: string,
  token: string,
  delayMs: number,
): Promise<void> {
  // Sent together and on one connection, so in this order: the first needs the lock that the second gives up.
  const names = [`${backend.toKey(id)}:lock`, backend.toKey(id), backend.toKey('meta')]
  const takenBack = takeBackStart(redis, names, [token, backend.toKey('')])
  await Promise.all([takenBack, backend.moveToDelayed(id, redisNow(), delayMs, token, { skipAttempt: true })])
}

/** How a running job is to start again. */
export interface Retry {
  /** Undefined: at once. */
  delayMs?: number | undefined
  /** The start was no attempt. */
  skipAttempt?: boolean | undefined
  /** More fields of its hash. */
  fields?: Record<string, unknown> | undefined
  isLifo?: boolean | undefined
}

/**
 * A running job is to start again: what BullMQ's `retryJob` and `moveToDelayed` do, in the same order of fairness and with the same limits as any
 * other job that becomes ready.
 *
 * @returns 0, or BullMQ's code for a job that the lock token does not hold
 */
export async function retryJob({ redis, backend }: Held, id: string, token: string, how: Retry): Promise<number> {
  const sets = ['active', 'wait', 'prioritized', 'delayed', 'pc', 'marker', 'meta', 'stalled']
  const names = [backend.toKey(id), `${backend.toKey(id)}:lock`, ...sets.map((set) => backend.toKey(set))]
  const fields = Object.entries(how.fields ?? {}).filter(([, field]) => field !== undefined)
  const more = fields.length > 0 ? JSON.stringify(fields.flat()) : ''
  const args = [id, token, backend.toKey(''), redisNow(), how.delayMs ?? '', how.skipAttempt ? '1' : '', more]
  return Number(await retryScript(redis, names, [...args, how.isLifo ? 'RPUSH' : 'LPUSH']))
}

/** Notes that a worker did not know a job, which could start since `dueAt`. @returns since when no worker knew it; all times in epoch ms */
export async function markUnknown(
  { redis, backend, unknownJobs }: Held & { unknownJobs: string },
  id: string,
  dueAt: number,
): Promise<number> {
  return Number(await markUnknownScript(redis, [backend.toKey(id), unknownJobs], [redisNow(), id, dueAt]))
}

/** An idle worker of the queue looks for a job: by BullMQ's marker. */
export async function wakeWorker(redis: Redis, backend: RedisQueueBackend): Promise<void> {
  await redis.zadd(backend.toKey('marker'), 0, '0')
}
