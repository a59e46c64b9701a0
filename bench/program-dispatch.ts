// What a warm program costs: `node --import ./src/jobs/module-hooks.ts bench/program-dispatch.ts`. Needs python3, and no Redis.

import { join } from 'node:path'
import { type LoadedJob, loadJob } from '../src/jobs/registry.ts'
import { createExecutors } from '../src/worker/executors/create-executors.ts'
import { StopSource } from '../src/worker/handler/stop-signal.ts'

const root = join(import.meta.dirname, '..')
const runs = 2000
const waiting = 1000

const executors = createExecutors({
  threads: 1,
  processes: waiting,
  allowCidrs: [],
  environment: process.env,
  log: { info() {}, warn: console.warn },
})
let count = 0

async function load(path: string): Promise<LoadedJob> {
  const file = join(root, path)
  return { file, job: await loadJob(file) }
}

async function run(loaded: LoadedJob, input: unknown): Promise<unknown> {
  const { type } = loaded.job
  const attempt = { id: `job-${++count}`, type, tenant: '-', hops: 0, input, attempt: 1, maxAttempts: 1, fence: 1 }
  const outcome = await executors.for('process').run(loaded, attempt, () => undefined, new StopSource())
  if (outcome.status !== 'returned') throw new Error(`${type}: ${JSON.stringify(outcome)}`)
  return outcome.output
}

/** Median and 99th percentile of one job after the other, in ms. */
async function dispatch(loaded: LoadedJob, input: unknown): Promise<string> {
  await run(loaded, input)
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const startedAt = performance.now()
    await run(loaded, input)
    times.push(performance.now() - startedAt)
  }
  times.sort((a, b) => a - b)
  return `median ${times[runs / 2]?.toFixed(2)} ms, p99 ${times[runs * 0.99]?.toFixed(2)} ms`
}

console.log('warm Node process:', await dispatch(await load('bench/jobs/empty-process.ts'), null))
console.log('warm Python program:', await dispatch(await load('sdk/examples/word-count.job.yaml'), { pages: [] }))

const { file, job } = await load('sdk/examples/wait-all.job.yaml')
const waits = { file, job: { ...job, program: job.program && { ...job.program, maxJobs: 2 * waiting } } }
await run(waits, { seconds: 0 })
const startedAt = performance.now()
const outputs = await Promise.all(Array.from({ length: waiting }, () => run(waits, { seconds: 1 })))
const pids = new Set(outputs.map((output) => Object(output).pid as number))
console.log(
  `${waiting} coroutines that wait 1 s: ${Math.round(performance.now() - startedAt)} ms in ${pids.size} process`,
)
await executors.close()
