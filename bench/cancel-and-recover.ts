/**
 * Time from a cancel to the event `done`, from a timeout to the start of the next job in the slot, and from the kill of a worker to
 * the redelivery of its job: `node --import ./src/jobs/module-hooks.ts bench/cancel-and-recover.ts`. Needs REDIS_URL. Starts and
 * stops its own API and workers.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { startRole } from './roles.ts'

interface SeenJob {
  id: string
  state: string
  started_at: string | null
  finished_at: string | null
  error: { stopped?: string } | null
}

const env = {
  KEY_PREFIX: `bench-${randomUUID().slice(0, 8)}`,
  DIAGNOSTIC_JOBS: '1',
  PORT: '0',
  WORKER_QUEUES: 'io:50,cpu:1',
}

const start = (role: 'api' | 'worker', more: Record<string, string> = {}) => startRole(role, { ...env, ...more })

const api = await start('api')
const url = `http://127.0.0.1:${api.port}/v1/jobs`
let worker = await start('worker')

async function call(method: string, path: string, body?: object, waitS?: number): Promise<SeenJob> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(waitS !== undefined && { prefer: `wait=${waitS}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.json() as Promise<SeenJob>
}

/** Reads the event stream of a job until `accept` returns true. */
async function until(id: string, accept: (event: string, data: SeenJob) => boolean): Promise<number> {
  const response = await fetch(`${url}/${id}/events`)
  if (!response.body) throw new Error('no stream')
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, event = '', data = 'null'] = /event: (.*)\ndata: (.*)/.exec(block) ?? []
      if (accept(event, JSON.parse(data))) return performance.now()
    }
  }
  throw new Error('the stream ended')
}

function describe(name: string, samples: number[]): void {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  console.log(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${samples.length} samples)`)
}

async function cancels(type: string, input: object, count: number): Promise<number[]> {
  const took: number[] = []
  for (let n = 0; n < count; n++) {
    const { id } = await call('POST', '', { type, input })
    await until(id, (event) => event === 'progress')
    const seen = until(id, (event, job) => event === 'done' && job.state === 'canceled')
    const from = performance.now()
    await call('POST', `/${id}/cancel`)
    took.push((await seen) - from)
  }
  return took
}

console.log(`cores: ${availableParallelism()}`)
describe(
  'cancel, cooperative (sleep on the event loop)',
  await cancels('sleep', { duration_ms: 60_000, steps: 1200 }, 200),
)
describe(
  'cancel, killed after the grace of 2000 ms (spin in a thread)',
  await cancels('burn-cpu', { behavior: 'spin' }, 5),
)
describe(
  'cancel, killed after the grace of 2000 ms (spin in a process)',
  await cancels('burn-cpu-isolated', { behavior: 'spin' }, 5),
)

// One slot on the queue cpu: the next job starts when the killed one has left it.
const freed: number[] = []
for (let n = 0; n < 10; n++) {
  const [killed, next] = await Promise.all([
    call('POST', '', { type: 'burn-cpu', input: { behavior: 'spin' }, timeout_ms: 300 }, 20),
    call('POST', '', { type: 'burn-cpu', input: { duration_ms: 1 } }, 20),
  ])
  const limitAt = Date.parse(killed.started_at ?? '') + 300
  freed.push(Date.parse(next.started_at ?? '') - limitAt)
}
describe('timeout of a spinning thread to the start of the next job in its slot (200 ms grace included)', freed)

for (const lockMs of ['10000', '1000']) {
  const recovered: number[] = []
  for (let n = 0; n < (lockMs === '1000' ? 5 : 6); n++) {
    worker.child.kill('SIGKILL')
    await once(worker.child, 'close')
    worker = await start('worker', { LOCK_MS: lockMs })
    const other = await start('worker', { LOCK_MS: lockMs, WORKER_QUEUES: 'cpu:1' })
    const { id } = await call('POST', '', { type: 'sleep', input: { duration_ms: 1500, steps: 30 } })
    await until(id, (event) => event === 'progress')
    worker.child.kill('SIGKILL')
    await once(worker.child, 'close')
    const from = performance.now()
    worker = await start('worker', { LOCK_MS: lockMs })
    await until(id, (event, job) => event === 'done' && job.state === 'succeeded')
    recovered.push(performance.now() - from - 1500)
    other.child.kill('SIGTERM')
    await once(other.child, 'close')
  }
  describe(`SIGKILL of a worker to its job running again, LOCK_MS=${lockMs}`, recovered)
}
worker.child.kill('SIGTERM')
api.child.kill('SIGTERM')
await Promise.all([once(worker.child, 'close'), once(api.child, 'close')])
