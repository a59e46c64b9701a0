import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { decodeField } from './stats-field.ts'
import { keptMs, minuteMs } from './stats-recorder.ts'
import { Tally, type TallyOverTime } from './tally.ts'

/** So many minutes are read at once: each is a call of at most 1 ms. */
const minutesAtOnce = 30

/** What to read. Times are epoch ms; `from` and `stepMs` are whole minutes, `to` is not part of it. */
export interface StatsRange {
  from: number
  to: number
  stepMs: number
  queue?: string | undefined
  type?: string | undefined
}

/** The counts of each step, and of each queue and type in the whole time. */
export interface Stats {
  points: ({ at: number } & TallyOverTime)[]
  queues: ({ queue: string } & TallyOverTime)[]
  types: ({ queue: string; type: string } & TallyOverTime)[]
}

/** Reads what all processes have counted. @throws QueueUnavailableError */
export async function readStats({ redis, keys }: { redis: Redis; keys: Keys }, range: StatsRange): Promise<Stats> {
  const { from, to, stepMs, queue: onlyQueue, type: onlyType } = range
  const points = Array.from({ length: Math.ceil((to - from) / stepMs) }, () => new Tally())
  const queues = new Map<string, Tally>()
  const types = new Map<string, { queue: string; type: string; tally: Tally }>()
  for await (const { at, fields } of readMinutes({ redis, keys }, from, to)) {
    const point = points[Math.floor((at - from) / stepMs)]
    for (const [field, text] of Object.entries(fields)) {
      const decoded = decodeField(field)
      if (!decoded) continue
      const { queue, type, counted } = decoded
      if ((onlyQueue !== undefined && queue !== onlyQueue) || (onlyType !== undefined && type !== onlyType)) continue
      const count = Number(text)
      point?.add(counted, count)
      getOrAdd(queues, queue, () => new Tally()).add(counted, count)
      getOrAdd(types, `${queue} ${type}`, () => ({ queue, type, tally: new Tally() })).tally.add(counted, count)
    }
  }
  const ms = Math.max(1, to - from)
  const byEnds = <T extends { ended: number }>(a: T, b: T) => b.ended - a.ended
  return {
    points: points.map((tally, n) => {
      const at = from + n * stepMs
      return { at, ...tally.over(Math.min(stepMs, to - at)) }
    }),
    queues: Array.from(queues, ([queue, tally]) => ({ queue, ...tally.over(ms) })),
    types: Array.from(types.values(), ({ queue, type, tally }) => ({ queue, type, tally, ended: tally.ended }))
      .sort(byEnds)
      .map(({ queue, type, tally }) => ({ queue, type, ...tally.over(ms) })),
  }
}

async function* readMinutes(
  { redis, keys }: { redis: Redis; keys: Keys },
  from: number,
  to: number,
): AsyncGenerator<{ at: number; fields: Record<string, string> }, void, undefined> {
  // What is older is not kept.
  const first = Math.max(Math.floor(from / minuteMs), Math.floor((to - keptMs) / minuteMs) - 1)
  const end = Math.ceil(to / minuteMs)
  for (let next = first; next < end; next += minutesAtOnce) {
    const minutes = Array.from({ length: Math.min(minutesAtOnce, end - next) }, (_, n) => next + n)
    const hashes = await whenAvailable(Promise.all(minutes.map((minute) => redis.hgetall(keys.statsOf(minute)))))
    for (const [n, fields] of hashes.entries()) yield { at: (next + n) * minuteMs, fields }
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
