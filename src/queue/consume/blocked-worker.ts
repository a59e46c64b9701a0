import type { Redis } from '../redis/connection.ts'

/**
 * Whether a job lost its worker because that blocked its event loop, as give-up-leases.lua notes it.
 *
 * @param jobKey of the job's hash. @param starts how often it had been started when it lost its worker
 * @returns for how many ms the event loop had been blocked; undefined: it was not, the worker vanished
 */
export async function readBlockedMs(redis: Redis, jobKey: string, starts?: number): Promise<number | undefined> {
  const [noted, stored] = await redis.hmget(jobKey, 'blockedWorker', 'ats')
  const [at, blockedMs] = (noted ?? '').split(' ')
  // What was noted for an earlier start says nothing of this one.
  return noted && Number(at) === (starts ?? Number(stored)) ? Number(blockedMs) : undefined
}
