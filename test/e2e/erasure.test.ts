import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { FlowResource } from '../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { Redis } from '../../src/queue/redis/connection.ts'
import { send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const marker = 'Ada.Lovelace-1815'
const tag = `customer:${marker}`

/** A job type that leaves its input wherever a handler can: progress, log, values, output or error. */
async function tracingJobs(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const text = `
    import { defineJob } from 'drover'
    import { z } from 'zod'
    export default defineJob({
      type: 'trace', title: 'Leave traces', runsOn: 'event-loop', attempts: 2,
      input: z.object({ name: z.string(), fails: z.boolean().default(false), large: z.boolean().default(false) }),
      output: z.unknown(),
      async *run({ name, fails, large }, job) {
        job.progress(0.5, name, { name })
        job.log.info(name)
        yield { name }
        if (fails) throw new Error('failed for ' + name)
        return large ? name.repeat(50_000) : { name }
      },
    })`
  await writeFile(join(dir, 'trace.ts'), text)
  return dir
}

/** The keys of a prefix that have a text in their name or value. */
async function keysWith(redis: Redis, prefix: string, text: string): Promise<string[]> {
  const keys = await redis.keys(`${prefix}:*`)
  const values = await Promise.all(keys.map((key) => valueOf(redis, key)))
  return keys.filter((key, n) => key.includes(text) || JSON.stringify(values[n]).includes(text))
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key)
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, 0, '-1')
    case 'stream':
      return redis.xrange(key, '-', '+')
    default:
      return redis.get(key)
  }
}

/** As docs/privacy.md says it. */
async function erase(apiUrl: string): Promise<void> {
  const url = (path: string) => `${apiUrl}/v1/${path}`
  const list = async <T>(kind: 'flows' | 'jobs') =>
    (await send<{ items: T[] }>('GET', url(`${kind}?tag=${encodeURIComponent(tag)}&limit=200`))).body.items
  await send('DELETE', url('schedules/reminder'))
  const eraseSome = async () => {
    const flows = await list<FlowResource>('flows')
    for (const { id, done } of flows) {
      if (!done) await send('POST', url(`flows/${id}/cancel`))
      await send('DELETE', url(`flows/${id}`))
    }
    const jobs = await list<JobResource>('jobs')
    for (const { id, done } of jobs) {
      if (!done) await send('POST', url(`jobs/${id}/cancel`))
      await send('DELETE', url(`jobs/${id}`))
    }
    return flows.length + jobs.length
  }
  await waitFor('nothing to be left', eraseSome, (left) => left === 0, { everyMs: 100, withinMs: 60_000 })
}

test('after an erasure by tag no key of Redis has anything of the customer', { timeout: 120_000 }, async () => {
  const env = { WEBHOOK_SECRETS: webhookSecret('a'), JOBS_DIR: await tracingJobs(), INLINE_OUTPUT_BYTES: '10000' }
  const { api, env: all } = await startStack({ env })
  const redis = await redisClient()
  const receiver = await receiveWebhooks()
  const broken = await receiveWebhooks((response) => response.writeHead(500).end(marker))
  const input = { name: marker }
  const options = { tags: [tag], metadata: { name: marker }, attempts: 1 }
  const webhook = { url: `${receiver.url}?for=${marker}` }
  await Promise.all([
    submit(api.url, 'trace', input, { ...options, webhook, waitS: 10 }),
    submit(api.url, 'trace', { ...input, large: true }, { ...options, waitS: 10 }),
    submit(api.url, 'trace', { ...input, fails: true }, { ...options, webhook: { url: broken.url }, waitS: 10 }),
    submit(api.url, 'echo', marker.repeat(2000), { ...options, delay_ms: 600_000 }),
    submit(api.url, 'sleep', { duration_ms: 600_000 }, options),
    send('POST', `${api.url}/v1/jobs`, {
      body: { type: 'trace', input, ...options },
      headers: { 'idempotency-key': marker, prefer: 'wait=50' },
    }),
  ])
  const trace = { type: 'trace', input }
  const chain = [trace, { map: { over: { $output: '' }, node: trace } }]
  const flows = [
    { gather: [trace, { ...trace, input: { ...input, fails: true }, attempts: 1 }], on_failure: 'continue' },
    { chain: [trace, { type: 'sleep', input: { duration_ms: 600_000 } }, trace] },
    { chain },
  ]
  for (const [n, flow] of flows.entries())
    await send('POST', `${api.url}/v1/flows`, {
      body: { flow, tags: [tag], metadata: { name: marker }, webhook },
      headers: { 'idempotency-key': `${marker}-${n}` },
    })
  const job = { type: 'trace', input, tags: [tag], metadata: { name: marker } }
  await send('PUT', `${api.url}/v1/schedules/reminder`, { body: { every_ms: 1000, job } })
  await waitFor(
    'the webhooks',
    () => [receiver.messages.length, broken.messages.length],
    ([a = 0, b = 0]) => a >= 2 && b >= 1,
  )
  const schedule = () => send<{ last_job_id: string | null }>('GET', `${api.url}/v1/schedules/reminder`)
  await waitFor('a run of the schedule', schedule, ({ body }) => body.last_job_id !== null)
  const prefix = all['KEY_PREFIX'] ?? ''
  expect((await keysWith(redis, prefix, marker)).length).toBeGreaterThan(10)

  await erase(api.url)
  await waitFor(
    'deliveries under way to stop',
    () => keysWith(redis, prefix, marker),
    (left) => left.length === 0,
  )
})
