import { setImmediate as nextTurn } from 'node:timers/promises'
import { redisNow } from '../model/redis-time.ts'
import type { Field, StatsCache } from './stats-cache.ts'
import { keptMs, minuteMs } from './stats-recorder.ts'
import { Tally, type TallyOverTime } from './tally.ts'

/** For so long (ms) counts are added up before others have a turn of the event loop. */
const turnMs = 10

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
export async function readStats(cache: StatsCache, range: StatsRange): Promise<Stats> {
  const { from, to, stepMs } = range
  // What is older is not kept.
  const first = Math.max(Math.floor(from / minuteMs), Math.floor((to - keptMs) / minuteMs) - 1)
  const { fields, minutes } = await cache.read(first, Math.ceil(to / minuteMs), redisNow())
  const isWanted = fields.map(({ queue, type }) => (range.queue ?? queue) === queue && (range.type ?? type) === type)
  const points = Array.from({ length: Math.ceil((to - from) / stepMs) }, () => new Tally())
  const totals = new Float64Array(fields.length)
  let since = performance.now()
  for (const [n, { places, counts }] of minutes.entries()) {
    if (performance.now() - since > turnMs) {
      await nextTurn()
      since = performance.now()
    }
    const point = points[Math.floor(((first + n) * minuteMs - from) / stepMs)]
    // A day has a million counts: no iterator here.
    for (let at = 0; at < places.length; at++) {
      const place = places[at] ?? 0
      const field = fields[place]
      if (!field || !isWanted[place]) continue
      const count = counts[at] ?? 0
      point?.add(field.slot, count)
      totals[place] = (totals[place] ?? 0) + count
    }
  }
  return { points: pointsOf(points, range), ...byName(fields, totals, Math.max(1, to - from)) }
}

function pointsOf(points: Tally[], { from, to, stepMs }: StatsRange): Stats['points'] {
  return points.map((tally, n) => {
    const at = from + n * stepMs
    return { at, ...tally.over(Math.min(stepMs, to - at)) }
  })
}

function byName(fields: readonly Field[], totals: Float64Array, ms: number): Pick<Stats, 'queues' | 'types'> {
  const queues = new Map<string, Tally>()
  const types = new Map<string, { queue: string; type: string; tally: Tally }>()
  for (const [place, { queue, type, slot }] of fields.entries()) {
    const count = totals[place] ?? 0
    if (count === 0) continue
    getOrAdd(queues, queue, () => new Tally()).add(slot, count)
    getOrAdd(types, `${queue} ${type}`, () => ({ queue, type, tally: new Tally() })).tally.add(slot, count)
  }
  return {
    queues: Array.from(queues, ([queue, tally]) => ({ queue, ...tally.over(ms) })),
    types: Array.from(types.values())
      .sort((a, b) => b.tally.ended - a.tally.ended)
      .map(({ queue, type, tally }) => ({ queue, type, ...tally.over(ms) })),
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
