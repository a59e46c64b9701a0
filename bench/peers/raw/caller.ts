/** A user of plain BullMQ without a service: adds jobs and waits in its own process. */
import { readFileSync } from 'node:fs'
import { type FlowJob, FlowProducer, Queue, QueueEvents } from 'bullmq'
import { Redis } from 'ioredis'
import { closedLoop, pace, quantile } from '../../pace.ts'
import { answerParent } from '../../remote.ts'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '', DATA: text = '{"hello":"world"}', DATA_FILE: file } = process.env
const queue = new Queue('jobs', { connection: new Redis(url, { maxRetriesPerRequest: 1 }), prefix })
// The environment has no room for a large one.
const data: unknown = JSON.parse(file === undefined ? text : readFileSync(file, 'utf8'))
const bulkSize = 1000

/** Opened by the first wait: a process that only adds needs none, and a reader slows down every worker. */
let reader: Promise<QueueEvents> | undefined
async function openReader(): Promise<QueueEvents> {
  const connection = new Redis(url, { maxRetriesPerRequest: null })
  const events = new QueueEvents('jobs', { connection, prefix, lastEventId: '0-0' })
  // One listener per wait.
  events.setMaxListeners(0)
  queue.setMaxListeners(0)
  await events.waitUntilReady()
  return events
}

let flows: FlowProducer | undefined

async function addAndWait(): Promise<void> {
  const events = await (reader ??= openReader())
  const job = await queue.add('echo', data)
  await job.waitUntilFinished(events)
}

const methods = {
  /** Jobs per second by `addBulk` of 1,000 at a time. */
  async addBulk({ count }: { count: number }) {
    const from = performance.now()
    for (let left = count; left > 0; left -= bulkSize)
      await queue.addBulk(Array.from({ length: Math.min(left, bulkSize) }, () => ({ name: 'echo', data })))
    return (count * 1000) / (performance.now() - from)
  },
  /** Jobs per second by `add`, of `wide` callers. */
  addTogether: ({ wide, count }: { wide: number; count: number }) =>
    closedLoop(wide, count, () => queue.add('echo', data)),
  /** Jobs of which each starts when the one before has ended: BullMQ nests the first innermost. */
  async chain({ steps }: { steps: number }) {
    flows ??= new FlowProducer({ connection: new Redis(url, { maxRetriesPerRequest: 1 }), prefix })
    let flow: FlowJob = { name: 'echo', queueName: 'jobs', data }
    for (let step = 1; step < steps; step++) flow = { name: 'echo', queueName: 'jobs', data, children: [flow] }
    await flows.add(flow)
  },
  /** Jobs per second with `wide` concurrent waits. */
  waitTogether: ({ wide, count }: { wide: number; count: number }) => closedLoop(wide, count, addAndWait),
  /** Latencies of waits at a fixed arrival rate, in ms. */
  async waitPaced({ perS, count }: { perS: number; count: number }) {
    const took = await pace(perS, count, addAndWait)
    return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
  },
  hold: ({ held }: { held: boolean }) => (held ? queue.pause() : queue.resume()),
}
export type RawCaller = typeof methods

await queue.waitUntilReady()
answerParent(methods)
console.log(JSON.stringify({ msg: 'ready' }))
