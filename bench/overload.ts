/**
 * The API under submissions at ten times the rate at which its worker drains: `node --import ./src/jobs/module-hooks.ts
 * bench/overload.ts`. Needs REDIS_URL. Starts and stops its own API, worker and load. Latency counts from when a request was due
 * (open loop). Exits with code 1 if the queue exceeded its limit or an accepted job did not succeed.
 */
import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRole } from './roles.ts'

const depthLimit = 200
const jobMs = 20
const drainPerS = 1000 / jobMs
const seconds = 10

const env = {
  KEY_PREFIX: `bench-${randomUUID().slice(0, 8)}`,
  DIAGNOSTIC_JOBS: '1',
  PORT: '0',
  WORKER_QUEUES: 'io:1',
  QUEUE_DEPTH_LIMIT: String(depthLimit),
}
const api = await startRole('api', env)
const worker = await startRole('worker', env)
const url = `http://127.0.0.1:${api.port}/v1`

interface Load {
  p50: number
  p99: number
  accepted: string[]
  refused: number
  deepest: number
}

/** Sends `perS` submissions per second, also while earlier ones are pending. */
async function load(perS: number): Promise<Load> {
  const latencies: number[] = []
  const accepted: string[] = []
  let [refused, deepest] = [0, 0]
  const begin = performance.now()
  const answers: Promise<void>[] = []
  const submit = async (due: number) => {
    const response = await fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'sleep', input: { duration_ms: jobMs } }),
    })
    const body = (await response.json()) as { id: string; code?: string }
    // In the first second the client opens its connections.
    if (due - begin > 1000) latencies.push(performance.now() - due)
    if (response.status === 202) accepted.push(body.id)
    else if (body.code === 'queue_full') refused += 1
    else throw new Error(`a submission was answered ${response.status}`)
  }
  const watch = setInterval(async () => {
    const response = await fetch(`${url}/queues/io`)
    const { counts } = (await response.json()) as { counts: { queued: number; scheduled: number } }
    deepest = Math.max(deepest, counts.queued + counts.scheduled)
  }, 250)
  for (let sent = 0; sent < perS * seconds; sent++) {
    const due = begin + (sent * 1000) / perS
    const early = due - performance.now()
    if (early > 1) await sleep(early)
    answers.push(submit(due))
  }
  await Promise.all(answers)
  clearInterval(watch)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), accepted, refused, deepest }
}

async function ended(ids: string[]): Promise<Map<string, number>> {
  const states = new Map<string, number>()
  for (const id of ids) {
    const response = await fetch(`${url}/jobs/${id}`, { headers: { prefer: 'wait=30' } })
    const { state } = (await response.json()) as { state: string }
    states.set(state, (states.get(state) ?? 0) + 1)
  }
  return states
}

const ms = (value: number) => `${value.toFixed(1)} ms`
console.log(
  `${availableParallelism()} cores; a worker that drains at most ${drainPerS} jobs/s, at most ${depthLimit} waiting`,
)
let failed = false
const rows: Load[] = []
for (const [name, perS] of [
  ['warm-up', drainPerS / 2],
  ['normal', drainPerS * 0.8],
  ['overload', drainPerS * 10],
] as const) {
  const row = await load(perS)
  const states = await ended(row.accepted)
  rows.push(row)
  const all = [...states].map(([state, many]) => `${many} ${state}`).join(', ')
  console.log(
    `${name}: ${perS}/s, p50 ${ms(row.p50)}, p99 ${ms(row.p99)}, accepted ${row.accepted.length} (${all}), refused ${row.refused}, deepest ${row.deepest}`,
  )
  failed ||= row.deepest > depthLimit || states.get('succeeded') !== row.accepted.length
}
const [, normal, overload] = rows
console.log(`p99 under overload / normal: ${((overload?.p99 ?? 0) / (normal?.p99 ?? 1)).toFixed(2)}`)
worker.end()
api.end()
process.exitCode = failed ? 1 : 0
