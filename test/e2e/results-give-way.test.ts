import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** A stack on a Redis with little memory. */
async function smallStack(maxMemory: string, env: Record<string, string> = {}) {
  const redis = await startOwnRedis(['--maxmemory', maxMemory])
  onTestFinished(() => redis.close())
  return startStack({ env: { REDIS_URL: redis.url, REDIS_COMMAND_TIMEOUT_MS: '15000', RESULT_MIN_MS: '100', ...env } })
}

/** A value of a metric of the processes together. */
async function metric(urls: string[], pattern: RegExp): Promise<number> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()))
  return texts.reduce((sum, text) => sum + Number(pattern.exec(text)?.[1] ?? 0), 0)
}

test.skipIf(!canOwnRedis)(
  'three times as many jobs as fit are accepted and run; results give way, failed jobs and those of other tenants do not',
  async () => {
    const [noisy, quiet] = [makeKey('noisy'), makeKey('quiet')]
    const { path } = await keysFile([noisy, quiet])
    const env = { API_KEYS_FILE: path, PUBLIC_ENDPOINTS: 'metrics' }
    const { api, workers } = await smallStack('24mb', env)
    const post = (key: typeof noisy, body: object, headers: Record<string, string> = {}) =>
      send<JobResource & { code: string }>('POST', `${api.url}/v1/jobs`, {
        body,
        headers: { ...key.headers, ...headers },
      })
    const read = (key: typeof noisy, id: string, path = '') =>
      send<JobResource & { code: string }>('GET', `${api.url}/v1/jobs/${id}${path}`, { headers: key.headers })
    const keyed = { 'idempotency-key': 'once', prefer: 'wait=50' }
    const first = await post(noisy, { type: 'echo', input: 'first' }, keyed)
    const failing = { type: 'sleep', input: { duration_ms: 0, fail_at: 0 } }
    const failed = await post(noisy, failing, { prefer: 'wait=50' })
    expect(failed.body.state).toBe('failed')
    const theirs = await Promise.all(Array.from({ length: 20 }, () => post(quiet, { type: 'echo', input: 'theirs' })))

    // Of 14 MB, 60 % of the memory, each takes 82 KB: some 170 fit.
    const input = 'x'.repeat(40_000)
    const statuses = new Map<number, number>()
    let last = ''
    for (let n = 0; n < 18; n++) {
      const answers = await Promise.all(Array.from({ length: 30 }, () => post(noisy, { type: 'echo', input })))
      for (const { status, body } of answers) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        last = body.id
      }
    }
    expect([...statuses]).toEqual([[202, 540]])
    expect((await read(noisy, last)).status).toBe(200)
    await waitFor(
      'the last one to run',
      () => read(noisy, last),
      ({ body }) => body.state === 'succeeded',
    )

    const gone = await waitFor(
      'the first one to give way',
      () => read(noisy, first.body.id),
      ({ status }) => status === 410,
    )
    expect(gone.body.code).toBe('job_evicted')
    expect((await read(quiet, first.body.id)).body.code).toBe('job_not_found')
    expect((await read(noisy, first.body.id, '/output')).body.code).toBe('job_evicted')
    expect((await read(noisy, failed.body.id)).body.state).toBe('failed')
    for (const { body } of theirs) expect((await read(quiet, body.id)).body.state).toBe('succeeded')

    // A retry of a request must not run the work twice.
    const again = await post(noisy, { type: 'echo', input: 'first' }, keyed)
    expect([again.status, again.body.code]).toEqual([410, 'job_evicted'])
    expect((await post(noisy, { type: 'echo', input: 'second' }, keyed)).body.code).toBe('idempotency_key_reused')

    const worker = `http://127.0.0.1:${String(workers[0]?.logs.find(({ msg }) => msg === 'ready')?.['port'])}`
    const evicted = await metric([api.url, worker], /^drover_evicted_total\{ended="succeeded"\} (\d+)$/m)
    expect(evicted).toBeGreaterThan(250)
    expect(await metric([api.url, worker], /^drover_evicted_total\{ended="failed"\} (\d+)$/m)).toBe(0)
    expect(await metric([api.url], /^drover_redis_limit_bytes (\d+)$/m)).toBe(24 * 1024 * 1024)

    // Jobs that wait give way to nothing.
    const later = { type: 'echo', input, delay_ms: 3_600_000 }
    await waitFor(
      'a refusal',
      () => Promise.all(Array.from({ length: 30 }, () => post(noisy, later))),
      (answers) => answers.some(({ body }) => body.code === 'redis_full'),
    )
    const isLow = ({ code }: { code?: unknown }) => /^redis_memory_(high|full)$/.test(String(code))
    const ready = await waitFor(
      'the warning',
      () => send<{ warnings: { code: string }[] }>('GET', `${api.url}/readyz`),
      ({ body }) => body.warnings.some(isLow),
    )
    expect(ready.status).toBe(200)
    await waitFor(
      'its line in the log',
      () => api.logs,
      (logs) => logs.some(isLow),
    )
  },
  120_000,
)

test.skipIf(!canOwnRedis)(
  'inputs of 7 MB are accepted as long as results can give way, and then refused with what fills Redis',
  async () => {
    const { api } = await smallStack('64mb')
    const input = 'x'.repeat(7_000_000)
    for (let n = 0; n < 5; n++) {
      const { status, body } = await submit(api.url, 'echo', input, { waitS: 30 })
      expect([status, body.state, Object(body).detail]).toEqual([200, 'succeeded', undefined])
    }
    // Jobs that wait give way to nothing.
    const refused = await waitFor(
      'a refusal',
      () => submit(api.url, 'echo', input, { delay_ms: 3_600_000 }),
      ({ status }) => status !== 202,
      { withinMs: 40_000 },
    )
    expect([refused.status, Object(refused.body).code]).toEqual([503, 'redis_full'])
    expect(refused.headers.get('retry-after')).toBe('1')
    const [, waiting] = /about ([\d.]+) MB in jobs that wait or run, /.exec(String(Object(refused.body).detail)) ?? []
    expect(Number(waiting)).toBeGreaterThan(20)
    await waitFor(
      'a small job to be accepted',
      () => submit(api.url, 'echo', 1),
      ({ status }) => status === 202,
    )
    expect((await send('GET', `${api.url}/readyz`)).status).toBe(200)
  },
  120_000,
)

test.skipIf(!canOwnRedis)(
  'an ended flow gives way with its jobs',
  async () => {
    const { api } = await smallStack('16mb')
    const flow = {
      flow: {
        chain: [
          { type: 'echo', input: 1 },
          { type: 'echo', input: { $output: '' } },
        ],
      },
    }
    const done = await send<{ id: string; state: string }>('POST', `${api.url}/v1/flows`, {
      body: flow,
      headers: { prefer: 'wait=50', 'idempotency-key': 'flow' },
    })
    expect(done.body.state).toBe('succeeded')
    const results = await send<{ items: { id: string }[] }>('GET', `${api.url}/v1/flows/${done.body.id}/results`)
    const [member] = results.body.items
    const input = 'x'.repeat(100_000)
    for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 10 }, () => submit(api.url, 'echo', input)))
    const gone = await waitFor(
      'the flow to give way',
      async () => {
        await submit(api.url, 'echo', input)
        return send<{ code: string }>('GET', `${api.url}/v1/flows/${done.body.id}`)
      },
      ({ status }) => status === 410,
      { withinMs: 60_000, everyMs: 50 },
    )
    expect(gone.body.code).toBe('flow_evicted')
    expect(await send('GET', `${api.url}/v1/jobs/${member?.id}`)).toMatchObject({
      status: 410,
      body: { code: 'job_evicted' },
    })
    const again = await send('POST', `${api.url}/v1/flows`, { body: flow, headers: { 'idempotency-key': 'flow' } })
    expect(again).toMatchObject({ status: 410, body: { code: 'flow_evicted' } })
  },
  120_000,
)
