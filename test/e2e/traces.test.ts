import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { type ExportedSpan, receiveOtlp, treeOf } from '../helpers/otlp-receiver.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const patience = { timeout: 120_000 }
const callerSpan = '00f067aa0ba902b7'
/** A trace id that no other test has. */
const traceIdOf = (n: number) => `4bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`
const traceparent = (n: number) => ({ traceparent: `00-${traceIdOf(n)}-${callerSpan}-01` })

const exportTo = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '50',
})

const visit = (runsOn: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'visit-${runsOn}',
    title: 'Visit a page',
    runsOn: '${runsOn}',
    input: z.object({ url: z.url() }),
    output: z.int(),
    run: ({ url }, job) =>
      job.span('visit', async () => (await job.fetch(url, { method: 'post' })).status, { pages: 1 }),
  })`

const executors = ['event-loop', 'thread', 'process']

async function visitJobs(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const runsOn of executors) await writeFile(join(dir, `visit-${runsOn}.ts`), visit(runsOn))
  return dir
}

const named = (spans: ExportedSpan[], name: string) => spans.filter((span) => span.name === name)
const one = (spans: ExportedSpan[], name: string): ExportedSpan => {
  const [found, ...more] = named(spans, name)
  if (!found || more.length > 0) throw new Error(`${more.length + Number(!!found)} spans named ${name}`)
  return found
}

test('a job is one trace, from the request to the calls of its handler and its webhook', patience, async () => {
  const otlp = await receiveOtlp()
  const { api, addWorker } = await startStack({
    workers: 0,
    env: {
      ...exportTo(otlp.url),
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      OTEL_SERVICE_NAME: 'shop',
      WEBHOOK_SECRETS: webhookSecret('a'),
      JOBS_DIR: await visitJobs(),
    },
  })
  const worker = await addWorker()
  const visited: unknown[] = []
  const site = await serve((request, response) => {
    visited.push(request.headers['traceparent'])
    response.writeHead(201).end()
  })
  const receiver = await receiveWebhooks()
  for (const [n, runsOn] of executors.entries()) {
    const body = {
      type: `visit-${runsOn}`,
      input: { url: `${site.url}/page?token=hidden` },
      webhook: { url: receiver.url },
    }
    const headers = { ...traceparent(n), prefer: 'wait=50' }
    const { body: job } = await send<JobResource>('POST', `${api.url}/v1/jobs?token=hidden`, { body, headers })
    // The query is refused, and not exported either.
    expect(job).not.toHaveProperty('id')
    const submitted = await send<JobResource>('POST', `${api.url}/v1/jobs`, { body, headers })
    expect(submitted.body).toMatchObject({ state: 'succeeded', output: 201, trace_id: traceIdOf(n) })
    const spans = await otlp.trace(traceIdOf(n), (all) => all.length >= 10)
    const queue = runsOn === 'event-loop' ? 'io' : 'cpu'
    expect(treeOf(spans), runsOn).toEqual([
      'POST /v1/jobs',
      'POST /v1/jobs',
      `  publish ${queue}`,
      `    wait ${queue}`,
      `    process ${queue}`,
      '      visit',
      '        POST',
      '    wait _webhooks',
      '    process _webhooks',
      '      POST',
    ])
    expect(spans.find(({ attributes }) => attributes['http.response.status_code'] === 200)).toMatchObject({
      parentSpanId: callerSpan,
      kind: 2,
      service: 'shop',
      attributes: { 'http.route': '/v1/jobs', 'url.path': '/v1/jobs', 'http.request.method': 'POST' },
    })
    expect(one(spans, `publish ${queue}`)).toMatchObject({
      kind: 4,
      attributes: {
        'messaging.system': 'drover',
        'messaging.operation.type': 'send',
        'messaging.destination.name': queue,
        'messaging.message.id': submitted.body.id,
      },
    })
    expect(one(spans, `process ${queue}`)).toMatchObject({
      kind: 5,
      attributes: { 'drover.job.type': body.type, 'drover.attempt': 1, 'drover.outcome': 'succeeded' },
    })
    expect(one(spans, 'visit').attributes).toEqual({ pages: 1 })
    const request = spans.find(({ attributes }) => attributes['http.response.status_code'] === 201)
    expect(request).toMatchObject({
      kind: 3,
      attributes: { 'http.request.method': 'POST', 'url.full': `${site.url}/page`, 'server.port': site.port },
    })
    expect(visited[n]).toBe(`00-${traceIdOf(n)}-${request?.spanId}-01`)
    const delivered = spans.find(({ attributes }) => attributes['url.full'] === receiver.url)
    expect((await receiver.received(n + 1))[n]?.headers['traceparent']).toBe(
      `00-${traceIdOf(n)}-${delivered?.spanId}-01`,
    )
    for (const { startTimeUnixNano: from, endTimeUnixNano: to } of spans) expect(to >= from).toBe(true)
  }
  expect(JSON.stringify(otlp.spans, (_, value) => (typeof value === 'bigint' ? Number(value) : value))).not.toContain(
    'hidden',
  )

  const unsampled = { traceparent: `00-${traceIdOf(20)}-${callerSpan}-00`, prefer: 'wait=50' }
  await send('POST', `${api.url}/v1/jobs`, {
    body: { type: 'http-request', input: { url: site.url, expect_status: 201 } },
    headers: unsampled,
  })
  expect(visited[3]).toMatch(new RegExp(`^00-${traceIdOf(20)}-[0-9a-f]{16}-00$`))
  expect(otlp.spans.filter(({ traceId }) => traceId === traceIdOf(20))).toEqual([])
  expect(otlp.headers[0]).toMatchObject({ url: '/v1/traces', 'x-key': 'a b' })
  expect(worker.logs.concat(api.logs).filter(({ msg }) => String(msg).includes('traces'))).toEqual([])
})

test('attempts are linked, also to one whose worker was killed; flows and ticks are traces', patience, async () => {
  const otlp = await receiveOtlp()
  const { api, workers, addWorker } = await startStack({ env: { ...exportTo(otlp.url), LOCK_MS: '2000' } })
  const twice = { attempts: 2, backoff: { type: 'fixed', delay_ms: 50 } }
  const failing = { type: 'sleep', input: { duration_ms: 20, fail_at: 0 }, ...twice }
  await send('POST', `${api.url}/v1/jobs`, { body: failing, headers: { ...traceparent(10), prefer: 'wait=50' } })
  const retried = await otlp.trace(traceIdOf(10), (all) => all.length >= 6)
  const publish = one(retried, 'publish io').spanId
  const [first, second] = named(retried, 'process io')
  expect(first).toMatchObject({
    parentSpanId: publish,
    links: [],
    status: { code: 2 },
    attributes: { 'drover.attempt': 1 },
  })
  expect(second).toMatchObject({
    parentSpanId: publish,
    links: [{ traceId: traceIdOf(10), spanId: first?.spanId }],
    attributes: { 'drover.attempt': 2, 'error.type': 'job_failed' },
  })
  const waited = named(retried, 'wait io')[1]
  expect(Number((waited?.endTimeUnixNano ?? 0n) - (waited?.startTimeUnixNano ?? 0n))).toBeGreaterThan(40e6)

  const echo = { type: 'echo', input: 1 }
  const flow = { flow: { chain: [echo, { gather: [echo, echo] }] } }
  await send('POST', `${api.url}/v1/flows`, { body: flow, headers: { ...traceparent(11), prefer: 'wait=50' } })
  const flowing = await otlp.trace(traceIdOf(11), (all) => all.length >= 8)
  const published = one(flowing, 'publish flows').spanId
  expect(named(flowing, 'process io').map(({ parentSpanId }) => parentSpanId)).toEqual([
    published,
    published,
    published,
  ])

  await send('PUT', `${api.url}/v1/schedules/traced`, { body: { every_ms: 1000, job: echo } })
  const tick = await waitFor(
    'a tick',
    () => otlp.spans.find(({ attributes }) => attributes['drover.schedule.id'] === 'traced'),
    (span) => span !== undefined,
  )
  await send('DELETE', `${api.url}/v1/schedules/traced`)
  const ticked = await otlp.trace(String(tick?.traceId), (all) => all.length >= 3)
  expect(treeOf(ticked)).toEqual(['publish io', '  wait io', '  process io'])

  const long = { body: { type: 'sleep', input: { duration_ms: 3000 } }, headers: traceparent(12) }
  const { body: killed } = await send<JobResource>('POST', `${api.url}/v1/jobs`, long)
  await waitFor(
    'it to run',
    () => read(api.url, killed.id),
    ({ body }) => body.state === 'running',
  )
  workers[0]?.signal('SIGKILL')
  await addWorker()
  await read(api.url, killed.id, 30)
  const isDone = ({ attributes }: ExportedSpan) => attributes['drover.outcome'] === 'succeeded'
  const spans = await otlp.trace(traceIdOf(12), (all) => all.some(isDone))
  const after = spans.find(isDone)
  const before = spans.find(({ spanId }) => spanId === after?.links[0]?.spanId)
  expect(before).toMatchObject({
    name: 'process io',
    parentSpanId: one(spans, 'publish io').spanId,
    status: { code: 2 },
    attributes: { 'error.type': 'worker_lost', 'drover.attempt': 1 },
  })
  expect(after).toMatchObject({ parentSpanId: before?.parentSpanId, attributes: { 'drover.attempt': 1 } })
})

test(
  'a stopping process sends what it has; a collector that is away costs no job and few lines',
  patience,
  async () => {
    const otlp = await receiveOtlp()
    const { api, addApi } = await startStack({ env: { ...exportTo(otlp.url), OTEL_BSP_SCHEDULE_DELAY: '60000' } })
    const { body } = await submit(api.url, 'echo', 'hello', { waitS: 20 })
    expect(body).toMatchObject({ state: 'succeeded', trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(otlp.spans).toEqual([])
    api.signal('SIGTERM')
    await api.ended
    expect(named(otlp.spans, 'publish io')).toMatchObject([{ traceId: body.trace_id, service: 'drover-api' }])

    const away = await addApi({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '100',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    })
    const failed = () => away.logs.filter(({ msg }) => msg === 'failed to export traces; jobs are not affected')
    for (let n = 0; n < 5; n++) expect((await submit(away.url, 'echo', n, { waitS: 20 })).body.state).toBe('succeeded')
    await waitFor('a line', failed, ({ length }) => length > 0)
    for (let n = 0; n < 5; n++) expect((await submit(away.url, 'echo', n, { waitS: 20 })).body.state).toBe('succeeded')
    expect(failed()[0]).toMatchObject({ lost_spans: expect.any(Number), reason: expect.any(String) })
    expect(failed().length).toBeLessThan(4)
  },
)
