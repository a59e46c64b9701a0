/**
 * What a filtered list takes among many jobs: `node --import ./src/jobs/module-hooks.ts bench/list-filters.ts [jobs]`. Needs a REDIS_URL
 * that nothing else uses, since it reads the slow log of Redis. Starts and stops its own API. All jobs have succeeded but those that are
 * asked for: one in a thousand, and a single one, the oldest.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { indexEntry, ulidTime } from '../src/queue/model/job-id.ts'
import { errorLabel, labelEntry, stateLabel, tagLabel } from '../src/queue/model/job-label.ts'
import { recordVersion } from '../src/queue/model/job-record.ts'
import { Keys } from '../src/queue/redis/keys.ts'
import { startRole } from './roles.ts'

const size = Number(process.argv[2] ?? 1_000_000)
const rounds = 50
const redisUrl = process.env['REDIS_URL']
if (redisUrl === undefined) throw new Error('REDIS_URL is needed')
const redis = new Redis(redisUrl)
const prefix = `bench-${randomUUID().slice(0, 8)}`
const keys = new Keys(prefix)
/** In the future, so that the sweep does not treat entries as those of jobs that were never stored. */
const first = Date.now() + 60_000

const failure = (code: string) => JSON.stringify({ code, message: 'no', retryable: false, attempt: 1 })

async function store(from: number, to: number): Promise<void> {
  const pipeline = redis.pipeline()
  for (let n = from; n < to; n++) {
    const ulid = `${ulidTime(first + Math.floor(n / 20))}${String(n).padStart(16, '0')}`
    const id = `io_${ulid}`
    // The 500th of each thousand, and the oldest.
    const rarity = n === 0 ? 'single' : n % 1000 === 500 ? 'rare' : undefined
    const tags = rarity ? [rarity] : []
    const record = { v: recordVersion, tenant: '-', input: { duration_ms: 10 }, ...(rarity && { tags }) }
    const end = rarity
      ? { failedReason: failure(rarity === 'single' ? 'canceled' : rarity) }
      : { returnvalue: '{"slept_ms":10}' }
    const type = rarity === 'single' ? 'echo' : 'sleep'
    const fields = { name: type, data: JSON.stringify(record), timestamp: first, finishedOn: first, ...end }
    pipeline.hset(keys.job({ queue: 'io', id }), fields)
    pipeline.zadd(keys.index('io'), 0, indexEntry('-', ulid))
    pipeline.zadd(keys.bull('io', rarity ? 'failed' : 'completed'), first, id)
    if (!rarity) continue
    const state = rarity === 'single' ? 'canceled' : 'failed'
    for (const label of [tagLabel(rarity), errorLabel(rarity === 'single' ? 'canceled' : rarity), stateLabel(state)])
      pipeline.zadd(keys.labels('io'), 0, labelEntry('-', label, ulid))
  }
  await pipeline.exec()
}

/** Walks a whole list and returns what its pages took, in ms, and how many items it has. */
async function walk(url: string): Promise<{ pages: number[]; items: number }> {
  const pages: number[] = []
  let items = 0
  for (let cursor: string | null = ''; cursor !== null; ) {
    const from = performance.now()
    const response = await fetch(cursor === '' ? url : `${url}&cursor=${cursor}`)
    const page = (await response.json()) as { items: unknown[]; next_cursor: string | null }
    pages.push(performance.now() - from)
    items += page.items.length
    cursor = page.next_cursor
  }
  return { pages, items }
}

await redis.config('SET', 'slowlog-log-slower-than', '1000')
await redis.set(keys.labeledSince('io'), '0')
for (let from = 0; from < size; from += 1000) await store(from, Math.min(from + 1000, size))
const api = await startRole('api', { KEY_PREFIX: prefix, PORT: '0', DIAGNOSTIC_JOBS: '1' })
for (const query of [
  'tag=rare',
  'error_code=rare&tag=rare',
  'state=failed',
  'tag=single',
  'state=canceled',
  'state=canceled&tag=single&type=echo',
  'state=expired',
  'state=scheduled',
  'state=running',
  'type=sleep&state=failed',
  'type=echo',
]) {
  await redis.slowlog('RESET')
  const taken: number[] = []
  let found = 0
  for (let round = 0; round < (query === 'type=echo' ? 3 : rounds / 5); round++) {
    const { pages, items } = await walk(`http://127.0.0.1:${api.port}/v1/jobs?limit=50&${query}`)
    taken.push(...pages)
    found = items
  }
  const sorted = taken.toSorted((a, b) => a - b)
  const slow = (await redis.slowlog('GET', 200)) as [number, number, number, string[]][]
  const ofApi = slow
    .filter(([, , , [command]]) => /eval|z|lrange/i.test(command ?? ''))
    .map(([, , micros]) => micros / 1000)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  const longest = ofApi.length === 0 ? 'below 1' : Math.max(...ofApi).toFixed(1)
  console.log(
    `${query}: ${found} of ${size}; a page p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; longest call of Redis ${longest} ms`,
  )
}
api.end()
await once(api.child, 'close')
await redis.flushdb()
redis.disconnect()
