import { expect, test, vi } from 'vitest'
import { OldestFirst } from '../../../../src/queue/maintenance/oldest-first.ts'
import { SourceReader } from '../../../../src/queue/maintenance/source-reader.ts'
import type { EndKind, Evictable, EvictionSearch, EvictionSource } from '../../../../src/queue/model/eviction.ts'
import { monotonicMs } from '../../../../src/queue/model/monotonic.ts'

interface Stored extends Evictable {
  kind: EndKind
  tenant: string
}

/** Ended jobs in memory, in pages of two. `isKept`: it refuses to evict a job. */
function source(key: string, stored: Stored[], isKept: (id: string) => boolean = () => false) {
  const evicted: string[] = []
  const of: EvictionSource = {
    key,
    find: async ({ kind, tenant, endedBefore }: EvictionSearch, from: number) => {
      const page = stored.slice(from, from + 2)
      const found = page.filter((job) => job.kind === kind && job.tenant === tenant && job.endedAt <= endedBefore)
      return {
        found,
        next: page.length < 2 ? undefined : from + 2,
        resume: page.length < 2 ? from + page.length : undefined,
      }
    },
    evict: async (some) => {
      const gone = some.filter(({ id }) => !isKept(id)).map(({ id }) => id)
      for (const id of gone) {
        const at = stored.findIndex((job) => job.id === id)
        if (at >= 0) stored.splice(at, 1)
      }
      evicted.push(...gone)
      return { removed: gone.length, bytes: gone.length * 100 }
    },
  }
  return { of, evicted }
}

const job = (id: string, endedAt: number, kind: EndKind = 'succeeded', tenant = 'a'): Stored => ({
  id,
  endedAt,
  kind,
  tenant,
  bytes: 100,
  jobs: 1,
})

const search = { tenant: 'a', endedBefore: () => 100 }

async function evictAll(sources: EvictionSource[], max = { jobs: 2, bytes: 1000 }) {
  const reader = new OldestFirst(sources, search)
  const steps: [EndKind, number][] = []
  for (;;) {
    const step = await reader.step(max)
    if (!step) return steps
    steps.push([step.kind, step.removed])
  }
}

test('succeeded jobs give way first, then canceled and expired ones, failed ones last; of a kind the oldest of all queues', async () => {
  const order: string[] = []
  const stored = [
    [job('x1', 1, 'failed'), job('x2', 2), job('x4', 4, 'stopped'), job('x6', 6)],
    [job('y3', 3), job('y5', 5, 'succeeded', 'b'), job('y7', 7), job('y8', 8, 'stopped')],
  ]
  const sources = stored.map((jobs, n) => source(String(n), jobs).of)
  const reader = new OldestFirst(
    sources.map((of) => ({
      ...of,
      evict: (some, with_) => {
        order.push(...some.map(({ id }) => id))
        return of.evict(some, with_)
      },
    })),
    search,
  )
  while (await reader.step({ jobs: 1, bytes: 1000 }));
  expect(order).toEqual(['x2', 'y3', 'x6', 'y7', 'x4', 'y8', 'x1'])
  expect(stored.flat().map(({ id }) => id)).toEqual(['y5'])
})

test('a job that is kept is passed over once, and those behind it are found', async () => {
  const jobs = Array.from({ length: 7 }, (_, n) => job(`j${n}`, n))
  const { of, evicted } = source('x', jobs, (id) => id === 'j0' || id === 'j3')
  await evictAll([of])
  expect(evicted).toEqual(['j1', 'j2', 'j4', 'j5', 'j6'])
})

test('a step is bounded by jobs and by bytes, but for one job', async () => {
  const jobs = [job('large', 1), job('j2', 2), job('j3', 3), job('j4', 4)]
  Object.assign(jobs[0] ?? {}, { bytes: 5000 })
  const { of } = source('x', jobs)
  expect(await evictAll([of])).toEqual([
    ['succeeded', 1],
    ['succeeded', 2],
    ['succeeded', 1],
  ])
})

test('what ended too lately is kept', async () => {
  const { of, evicted } = source('x', [job('old', 100), job('young', 101)])
  await evictAll([of])
  expect(evicted).toEqual(['old'])
})

test('a source without an end of jobs of others delays neither a step nor another source, and is read on', async () => {
  const places: number[] = []
  const others: EvictionSource = {
    key: 'others',
    find: async (_, from) => {
      places.push(from)
      return { found: [], next: from + 1, resume: undefined }
    },
    evict: async () => ({ removed: 0, bytes: 0 }),
  }
  const { of, evicted } = source('x', [job('j1', 1), job('j2', 2)])
  const reader = new OldestFirst([others, of], search)
  for (let n = 0; n < 2; n++) await reader.step({ jobs: 1, bytes: 1000 }, monotonicMs() + 200)
  expect(evicted).toEqual(['j1', 'j2'])
  expect(await reader.step({ jobs: 1, bytes: 1000 }, monotonicMs() + 200)).toMatchObject({ tried: 0 })
  expect(new Set(places).size).toBe(places.length)
})

test('a long list without such jobs is read again behind its old ones only, until the time for another look has come', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const places: number[] = []
    const of: EvictionSource = {
      key: 'x',
      find: async (_, from) => {
        places.push(from)
        vi.advanceTimersByTime(100)
        return from < 4 ? { found: [], next: from + 2, resume: undefined } : { found: [], next: undefined, resume: 5 }
      },
      evict: async () => ({ removed: 0, bytes: 0 }),
    }
    const reader = new SourceReader(of)
    const kind = { tenant: 'a', kind: 'succeeded', endedBefore: 100 } as const
    await reader.readOn(kind, Number.POSITIVE_INFINITY)
    reader.lookAgain()
    await reader.readOn(kind, Number.POSITIVE_INFINITY)
    expect(places).toEqual([0, 2, 4, 5])
    vi.advanceTimersByTime(6000)
    reader.lookAgain()
    await reader.readOn(kind, Number.POSITIVE_INFINITY)
    expect(places.slice(4)).toEqual([0, 2, 4])
  } finally {
    vi.useRealTimers()
  }
})

test('one flow is evicted at a time, and counts as its jobs', async () => {
  const flows = [1, 2, 3].map((n) => ({ ...job(`f${n}`, n), jobs: 10 }))
  const { of } = source('x', flows)
  expect(await evictAll([{ ...of, isOfFlows: true }], { jobs: 100, bytes: 1000 })).toHaveLength(3)
  const { of: jobs } = source(
    'y',
    [1, 2, 3].map((n) => ({ ...job(`f${n}`, n), jobs: 10 })),
  )
  expect(await evictAll([jobs], { jobs: 15, bytes: 1000 })).toEqual([
    ['succeeded', 2],
    ['succeeded', 1],
  ])
})
