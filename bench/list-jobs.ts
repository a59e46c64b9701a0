/**
 * Latency of a page of a long list: `node --import ./src/jobs/module-hooks.ts bench/list-jobs.ts [entries…]`. Needs a REDIS_URL
 * that nothing else uses, since it counts the commands of Redis. Starts and stops its own API. The index has all entries, 20 per
 * millisecond; only the jobs on the measured pages exist.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { indexEntry, ulidTime } from '../src/queue/model/job-id.ts'
import { recordVersion } from '../src/queue/model/job-record.ts'
import { Keys } from '../src/queue/redis/keys.ts'
import { startRole } from './roles.ts'

const sizes = process.argv.slice(2).map(Number)
const pages = 300
const perMs = 20
const redisUrl = process.env['REDIS_URL']
if (redisUrl === undefined) throw new Error('REDIS_URL is needed')
const redis = new Redis(redisUrl)

/** The ULID of the nth entry, rising with n. */
const ulidAt = (first: number, n: number) => `${ulidTime(first + Math.floor(n / perMs))}${String(n).padStart(16, '0')}`

async function fill(keys: Keys, size: number, first: number): Promise<void> {
  const record = JSON.stringify({ v: recordVersion, tenant: '-', input: { duration_ms: 10 } })
  const shown = (n: number) => n >= size - 200 || Math.abs(n - size / 2) < 200
  for (let from = 0; from < size; from += 1000) {
    const pipeline = redis.pipeline()
    const entries: (string | number)[] = []
    for (let n = from; n < Math.min(from + 1000, size); n++) {
      const ulid = ulidAt(first, n)
      entries.push(0, indexEntry('-', ulid))
      const fields = {
        name: 'sleep',
        data: record,
        timestamp: first,
        finishedOn: first,
        returnvalue: '{"slept_ms":10}',
      }
      if (shown(n)) pipeline.hset(keys.job({ queue: 'io', id: `io_${ulid}` }), fields)
    }
    await pipeline.zadd(keys.index('io'), ...entries).exec()
  }
}

/** Calls by command, those inside scripts included. */
async function asked(): Promise<Map<string, number>> {
  const stats = await redis.info('commandstats')
  return new Map(
    Array.from(stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g), ([, name = '', calls]) => [name, Number(calls)]),
  )
}

for (const size of sizes.length > 0 ? sizes : [1000, 1_000_000]) {
  const prefix = `bench-${randomUUID().slice(0, 8)}`
  // In the future, so that the sweep does not treat entries as those of jobs that were never stored.
  const first = Date.now() + 60_000
  await fill(new Keys(prefix), size, first)
  const api = await startRole('api', { KEY_PREFIX: prefix, PORT: '0', DIAGNOSTIC_JOBS: '1' })
  for (const [where, cursor] of [
    ['first page', ''],
    ['from the middle', `&cursor=${Buffer.from(ulidAt(first, size / 2)).toString('base64url')}`],
  ] as const) {
    const took: number[] = []
    const before = await asked()
    for (let page = 0; page < pages; page++) {
      const from = performance.now()
      const response = await fetch(`http://127.0.0.1:${api.port}/v1/jobs?limit=50${cursor}`)
      const { items } = (await response.json()) as { items: unknown[] }
      if (items.length !== 50) throw new Error(`a page of ${items.length}`)
      took.push(performance.now() - from)
    }
    const after = await asked()
    const calls = ['zrevrangebylex', 'hstrlen', 'evalsha'].map(
      (name) => `${Math.round(((after.get(name) ?? 0) - (before.get(name) ?? 0)) / pages)} ${name}`,
    )
    const sorted = took.toSorted((a, b) => a - b)
    const at = (share: number) => (sorted[Math.floor(pages * share)] ?? 0).toFixed(1)
    console.log(`${size} jobs, ${where}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${calls.join(', ')} per page`)
  }
  api.end()
  await once(api.child, 'close')
  for (const keys of [await redis.keys(`${prefix}:*`)]) if (keys.length > 0) await redis.unlink(...keys)
}
redis.disconnect()
