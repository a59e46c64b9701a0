/**
 * A gather of 10,000 `echo` jobs: time until it is accepted, done and canceled, against `addBulk` and a Worker of plain BullMQ with
 * as many jobs; and the time from the end of a step of a chain to the start of the next: `node --import
 * ./src/jobs/module-hooks.ts bench/flows.ts`. Needs REDIS_URL. Starts and stops its own API and worker.
 */
import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { startRole } from './roles.ts'

const members = 10_000
const steps = 200
const concurrency = 100

const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const prefix = `bench-${randomUUID().slice(0, 8)}`
const env = { KEY_PREFIX: prefix, DIAGNOSTIC_JOBS: '1', PORT: '0', WORKER_QUEUES: `io:${concurrency}` }

interface SeenFlow {
  id: string
  state: string
  tree: { chain: { id: string }[] }
}

let url = ''
async function call<T>(method: string, path: string, body?: object, waitS?: number): Promise<T> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(waitS !== undefined && { prefer: `wait=${waitS}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.json() as Promise<T>
}

const since = (started: number) => Math.round(performance.now() - started)
const gather = (input: unknown) => ({
  flow: { gather: Array.from({ length: members }, () => ({ type: 'echo', input })) },
})

async function plainBullMq(): Promise<void> {
  const connection = { url: redisUrl, maxRetriesPerRequest: null }
  const options = { connection, prefix: `${prefix}-plain` }
  const queue = new Queue('plain', options)
  const started = performance.now()
  await queue.addBulk(Array.from({ length: members }, (_, n) => ({ name: 'echo', data: { n } })))
  const added = since(started)
  const done = Promise.withResolvers<void>()
  let left = members
  const worker = new Worker('plain', async (job) => job.data as unknown, { ...options, concurrency })
  worker.on('completed', () => {
    left -= 1
    if (left === 0) done.resolve()
  })
  await done.promise
  console.log(`plain BullMQ, ${members} jobs: added in ${added} ms, done ${since(started)} ms after the start`)
  await worker.close()
  await queue.obliterate({ force: true })
  await queue.close()
}

async function measureGather(): Promise<void> {
  const started = performance.now()
  const { id } = await call<SeenFlow>('POST', '/flows?tree=none', gather(1))
  const accepted = since(started)
  let flow = await call<SeenFlow>('GET', `/flows/${id}?tree=none`, undefined, 60)
  if (flow.state !== 'succeeded') throw new Error(`the gather ended as ${flow.state}`)
  console.log(`gather of ${members}: accepted in ${accepted} ms, done ${since(started)} ms after the start`)
  const readAt = performance.now()
  flow = await call<SeenFlow>('GET', `/flows/${id}?tree=none`)
  console.log(`  read without its tree in ${since(readAt)} ms`)
}

async function measureCancel(): Promise<void> {
  const body = {
    flow: { gather: Array.from({ length: members }, () => ({ type: 'sleep', input: { duration_ms: 60_000 } })) },
  }
  const { id } = await call<SeenFlow>('POST', '/flows?tree=none', body)
  const started = performance.now()
  await call<SeenFlow>('POST', `/flows/${id}/cancel?tree=none`)
  const answered = since(started)
  const flow = await call<SeenFlow>('GET', `/flows/${id}?tree=none`, undefined, 60)
  console.log(`cancel of ${members}: answered in ${answered} ms, ${flow.state} ${since(started)} ms after the request`)
}

async function measureChain(): Promise<void> {
  const chain = [
    { type: 'echo', input: 1 },
    ...Array.from({ length: steps - 1 }, () => ({ type: 'echo', input: { $output: '' } })),
  ]
  const started = performance.now()
  const flow = await call<SeenFlow>('POST', '/flows', { flow: { chain } }, 60)
  console.log(`chain of ${steps}: ${since(started)} ms`)
  const gaps: number[] = []
  let last: number | undefined
  for (const { id } of flow.tree.chain) {
    const { started_at, finished_at } = await call<{ started_at: string; finished_at: string }>('GET', `/jobs/${id}`)
    if (last !== undefined) gaps.push(Date.parse(started_at) - last)
    last = Date.parse(finished_at)
  }
  gaps.sort((a, b) => a - b)
  const at = (share: number) => gaps[Math.floor(gaps.length * share)]
  console.log(`end of a step to the start of the next: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
}

const api = await startRole('api', env)
const worker = await startRole('worker', env)
url = `http://127.0.0.1:${api.port}/v1`
try {
  await call('POST', '/jobs', { type: 'echo', input: 1 }, 10)
  await measureChain()
  await measureGather()
  await measureGather()
  await measureCancel()
  await plainBullMq()
} finally {
  api.end()
  worker.end()
}
