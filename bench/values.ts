/**
 * Values of a generator: `node --import ./src/jobs/module-hooks.ts bench/values.ts [watchers]`. Needs REDIS_URL (a server of its own) and `ps`.
 * Starts and stops its own API and worker. One job yields 1,000 values of 1 kB a second while three clients read them; others read all of
 * them later; jobs of other sizes show the memory of a value.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Keys } from '../src/queue/redis/keys.ts'
import { startRole } from './roles.ts'
import { cpuSeconds } from './world.ts'

const watchers = Number(process.argv[2] ?? 10_000)
const seconds = 10
/** Values of 1 kB that each late reader reads. */
const lateCount = 100

const dir = await mkdtemp(join(tmpdir(), 'drover-bench-'))
await writeFile(
  join(dir, 'rows.ts'),
  `import { setTimeout as sleep } from 'node:timers/promises'
   import { defineJob } from 'drover'
   import { z } from 'zod'
   export default defineJob({ type: 'rows', title: 'Rows', runsOn: 'event-loop', timeoutMs: 600_000,
     input: z.object({ count: z.int(), size: z.int(), rate: z.int() }), output: z.number(),
     async *run({ count, size, rate }) {
       const from = performance.now()
       for (let n = 0; n < count; n++) {
         const ahead = rate === 0 ? 0 : from + (n / rate) * 1000 - performance.now()
         if (ahead > 1) await sleep(ahead)
         yield { at: Date.now(), text: 'x'.repeat(Math.max(0, size - 35)) }
       }
       return performance.now() - from
     } })`,
)
const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const redis = new Redis(redisUrl)
const prefix = `bench-${randomUUID().slice(0, 8)}`
const env = { KEY_PREFIX: prefix, JOBS_DIR: dir, PORT: '0' }
const api = await startRole('api', env)
const worker = await startRole('worker', env)
const url = `http://127.0.0.1:${api.port}/v1/jobs`
const pids = {
  api: api.child.pid ?? 0,
  worker: worker.child.pid ?? 0,
  redis: Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]),
}
const residentMb = (pid: number) =>
  Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024)

async function submit(input: object, waitS = 0) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(waitS > 0 && { prefer: `wait=${waitS}` }) },
    body: JSON.stringify({ type: 'rows', input }),
  })
  return (await response.json()) as { id: string; state: string; output: number }
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 })

/** Reads a path to its end. @returns the delays of the values in it that are new, in ms, and its bytes */
async function follow(path: string, headers: Record<string, string> = {}) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url + path, { agent, headers }, resolve).on('error', reject)
  })
  const delays: number[] = []
  let bytes = 0
  for await (const chunk of answer) {
    const piece = chunk as Buffer
    bytes += piece.length
    const now = Date.now()
    for (const [, at] of piece.toString('latin1').matchAll(/"at":(\d{13})/g)) delays.push(now - Number(at))
  }
  return { delays, bytes }
}

/** CPU time of each process while something is done, in ms. */
async function measure<T>(work: () => Promise<T>) {
  const before = await Promise.all(Object.values(pids).map(cpuSeconds))
  const from = performance.now()
  const result = await work()
  const ms = performance.now() - from
  const after = await Promise.all(Object.values(pids).map(cpuSeconds))
  const cpu = Object.keys(pids).map(
    (name, n) => `${name} ${Math.round(((after[n] ?? 0) - (before[n] ?? 0)) * 1000)} ms`,
  )
  return { result, ms, cpu: cpu.join(', ') }
}

const quantile = (sorted: number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)]

const count = 1000 * seconds
const live = await measure(async () => {
  const { id } = await submit({ count, size: 1000, rate: 1000 })
  const streams = await Promise.all([
    follow(`/${id}/events`),
    follow(`/${id}/events`),
    follow(`/${id}/values`, { accept: 'application/x-ndjson' }),
  ])
  return { id, streams }
})
console.log(
  `1,000 values of 1 kB a second for ${seconds} s, with two event streams and one of lines: ${Math.round(live.ms)} ms; CPU ${live.cpu}`,
)
for (const { delays } of live.result.streams) {
  const sorted = delays.toSorted((a, b) => a - b)
  console.log(
    `  ${sorted.length} values, yield to client p50 ${quantile(sorted, 0.5)} ms, p99 ${quantile(sorted, 0.99)} ms`,
  )
}

const { id } = await submit({ count: lateCount, size: 1000, rate: 0 }, 30)
const kinds = [
  ['event streams', `/${id}/events?after=0`, {}],
  ['streams of lines', `/${id}/values`, { accept: 'application/x-ndjson' }],
] as const
for (const [name, path, headers] of kinds) {
  let [left, maxMb] = [watchers, 0]
  const before = residentMb(pids.api)
  const watch = setInterval(() => {
    maxMb = Math.max(maxMb, residentMb(pids.api))
  }, 200)
  const late = await measure(async () => {
    let bytes = 0
    const one = async () => {
      while (left-- > 0) {
        const read = await follow(path, headers)
        bytes += read.bytes
      }
    }
    await Promise.all(Array.from({ length: 100 }, one))
    return bytes
  })
  clearInterval(watch)
  const perValue = (late.ms / (watchers * lateCount)) * 1000
  console.log(
    `${watchers} ${name}, 100 at a time, read all ${lateCount}: ${Math.round(late.ms)} ms, ${Math.round(late.result / late.ms / 1000)} MB/s, ${perValue.toFixed(2)} µs a value; CPU ${late.cpu}; API ${before} MB before, at most ${maxMb} MB`,
  )
}

for (const size of [40, 100, 1000, 10_000]) {
  const many = Math.min(100_000, Math.floor(60_000_000 / size))
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
  const before = await used()
  const job = await submit({ count: many, size, rate: 0 }, 50)
  if (job.state !== 'succeeded') throw new Error(`the job is ${job.state}`)
  await sleep(1000)
  const bytes = ((await used()) - before) / many
  const length = await redis.xlen(new Keys(prefix).values({ queue: 'io', id: job.id }))
  console.log(
    `${length} values of ${size} bytes: ${bytes.toFixed(1)} bytes of Redis each, ${Math.round(many / (job.output / 1000))} values/s`,
  )
}

for (const role of [api, worker]) {
  role.end()
  await once(role.child, 'close')
}
const left = await redis.keys(`${prefix}*`)
if (left.length > 0) await redis.unlink(left)
redis.disconnect()
agent.destroy()
await rm(dir, { recursive: true })
