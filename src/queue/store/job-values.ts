import { z } from 'zod'
import type { JobRef } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const readScript = loadScript('store/read-values')

/** Where a reader is: the list of values, and how many of it the reader has. */
export interface ValuesPlace {
  list: number
  read: number
}

/**
 * Values of a job, each as JSON; `next` is the place behind them, `count` how many the list has. `reset`: the list of the place is not the one that the job has now.
 * `behind`: the place is behind the last value.
 */
export type ValuesPage =
  | { status: 'page'; values: string[]; next: ValuesPlace; count: number; hint: number }
  | { status: 'reset'; list: number }
  | { status: 'behind'; count: number }

const replySchema = z.tuple([z.number(), z.number(), z.number().optional()]).rest(z.string())

/**
 * Reads the next values of a job, at most `limit`. A job that has no value has list 1.
 *
 * @param place undefined: the start of the list that the job has now
 * @param options at most `limit` values, and at most `bytes` of JSON unless the first has more. `hint` of the page before saves a search
 * @throws QueueUnavailableError
 */
export async function readValues(
  { redis, keys }: { redis: Redis; keys: Keys },
  ref: JobRef,
  place: ValuesPlace | undefined,
  { limit, bytes, hint = 0 }: { limit: number; bytes: number; hint?: number },
): Promise<ValuesPage> {
  const args = [place?.list ?? '', place?.read ?? 0, limit, bytes, hint]
  const reply = await whenAvailable(readScript(redis, [keys.job(ref), keys.values(ref)], args))
  const [list, count, end = hint, ...values] = replySchema.parse(reply)
  if (place && place.list !== list) return { status: 'reset', list }
  const read = place?.read ?? 0
  if (read > count) return { status: 'behind', count }
  return { status: 'page', values, next: { list, read: read + values.length }, count, hint: end }
}
