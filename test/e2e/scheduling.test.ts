import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }

const jobFile = `
import { defineJob } from '${new URL('../../src/jobs/define-job.ts', import.meta.url).href}'
import { z } from 'zod'
export default defineJob({
  type: 'by-account',
  title: 'Work for an account',
  runsOn: 'event-loop',
  input: z.object({ account: z.string() }),
  output: z.null(),
  concurrency: { key: ({ account }) => account },
  async run() {
    await new Promise((done) => setTimeout(done, 200))
    return null
  },
})
`

const becomes = (url: string, id: string, state: string) =>
  waitFor(
    `job ${state}`,
    () => read(url, id),
    ({ body }) => body.state === state,
  )

test(
  'jobs of a concurrency key run one after the other, are held meanwhile, and a key is refused or replaced',
  patience,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'by-account.ts'), jobFile)
    const { api } = await startStack({ env: { JOBS_DIR: folder } })

    // Of a step the key follows from its input, once that is known.
    const step = {
      chain: [
        { type: 'echo', input: 'a' },
        { type: 'by-account', input: { account: { $output: '' } } },
      ],
    }
    const flow = await send<{ id: string }>('POST', `${api.url}/v1/flows`, {
      body: { flow: { gather: [step, step, { type: 'by-account', input: { account: 'a' } }] } },
      headers: { prefer: 'wait=50' },
    })
    const ids = new Set(JSON.stringify(flow.body).match(/io_\w{26}/g))
    const jobs = await Promise.all([...ids].map((id) => read(api.url, id)))
    const runs = jobs
      .flatMap(({ body }) => (body.type === 'by-account' ? [body] : []))
      .toSorted((one, other) => ((one.started_at ?? '') < (other.started_at ?? '') ? -1 : 1))
    expect(flow.body).toMatchObject({ state: 'succeeded' })
    expect(runs).toHaveLength(3)
    for (let n = 1; n < runs.length; n++)
      expect((runs[n]?.started_at ?? '') >= (runs[n - 1]?.finished_at ?? 'none')).toBe(true)

    const concurrency = { key: 'account-1' }
    const first = await submit(api.url, 'sleep', { duration_ms: 1500 }, { concurrency })
    await becomes(api.url, first.body.id, 'running')
    const second = await submit(api.url, 'echo', 2, { concurrency })
    const third = await submit(api.url, 'echo', 3, { concurrency })
    expect(second.body).toMatchObject({
      state: 'queued',
      held_by: { kind: 'concurrency', key: 'account-1', limit: 1, running: 1 },
    })
    const explained = await send<{ reasons: object[] }>('GET', `${api.url}/v1/jobs/${second.body.id}/explain`)
    expect(explained.body.reasons).toMatchObject([{ kind: 'concurrency', running: 1, holders: [first.body.id] }])
    const queue = await send<{ counts: Record<string, number> }>('GET', `${api.url}/v1/queues/io`)
    expect(queue.body.counts).toMatchObject({ queued: 0, held: 2, running: 1 })
    const listed = await send<{ items: { id: string }[] }>('GET', `${api.url}/v1/jobs?state=queued`)
    expect(listed.body.items.map(({ id }) => id).toSorted()).toEqual([second.body.id, third.body.id].toSorted())

    // Others pass.
    expect((await submit(api.url, 'echo', 4, { waitS: 10 })).body.state).toBe('succeeded')
    const refused = await submit(api.url, 'echo', 5, { concurrency: { key: 'account-1', on_full: 'reject' } })
    expect(refused).toMatchObject({ status: 409, body: { code: 'concurrency_full' } })
    const ended = await read(api.url, third.body.id, 10)
    expect(ended.body.state).toBe('succeeded')
    const middle = (await read(api.url, second.body.id)).body
    expect((middle.started_at ?? '') >= ((await read(api.url, first.body.id)).body.finished_at ?? '')).toBe(true)
    expect((ended.body.started_at ?? '') >= (middle.finished_at ?? '')).toBe(true)

    const long = await submit(api.url, 'sleep', { duration_ms: 60_000 }, { concurrency })
    await becomes(api.url, long.body.id, 'running')
    const waiting = await submit(api.url, 'echo', 6, { concurrency })
    const last = await submit(api.url, 'echo', 7, { concurrency: { key: 'account-1', on_full: 'replace' } })
    expect((await read(api.url, last.body.id, 10)).body.state).toBe('succeeded')
    const stopped = (await read(api.url, long.body.id)).body
    expect(stopped).toMatchObject({ state: 'canceled', error: { stopped: 'cooperatively' } })
    expect((await read(api.url, waiting.body.id)).body).toMatchObject({
      state: 'canceled',
      error: { stopped: 'never_started' },
    })
    expect(((await read(api.url, last.body.id)).body.started_at ?? '') >= (stopped.finished_at ?? '')).toBe(true)
  },
)

test(
  'jobs of a rate start one after the other at its pace, and a batch says which are too many',
  patience,
  async () => {
    const { api, env } = await startStack()
    const rate = { key: 'api.example', limit: 10, per_ms: 5000, burst: 2 }
    const jobs = await Promise.all(Array.from({ length: 6 }, (_, n) => submit(api.url, 'echo', n, { rate })))
    const held = await waitFor(
      'a job that is held',
      () => Promise.all(jobs.map(({ body }) => read(api.url, body.id))),
      (all) => all.some(({ body }) => body.held_by?.kind === 'rate'),
    )
    expect(held.find(({ body }) => body.held_by)?.body.held_by).toMatchObject({ key: 'api.example', limit: 10 })
    const starts = []
    for (const { body } of jobs) starts.push(Date.parse((await read(api.url, body.id, 10)).body.started_at ?? ''))
    starts.sort((a, b) => a - b)
    for (let n = 2; n < starts.length; n++) expect((starts[n] ?? 0) - (starts[n - 2] ?? 0)).toBeGreaterThanOrEqual(500)
    expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeLessThan(10_000)

    // As if the key held 10,000 jobs.
    const redis = await redisClient()
    const busy = `${new Keys(env['KEY_PREFIX'] ?? '').bullPrefix('io')}:busy`
    await redis.hset(busy, 'rate:-:full', 20_000 * 2 ** 20)
    const body = {
      jobs: [
        { type: 'echo', input: 1, rate: { ...rate, key: 'full' } },
        { type: 'echo', input: 2 },
      ],
    }
    const batch = await send<{ items: { status: number; problem?: { code: string } }[] }>(
      'POST',
      `${api.url}/v1/jobs/batch`,
      { body },
    )
    expect(batch.body.items).toMatchObject([{ status: 429, problem: { code: 'quota_exceeded' } }, { status: 202 }])
  },
)

test(
  'tenants take turns by their weights, whatever each has waiting, and a fairness key divides a share',
  patience,
  async () => {
    const [big, small, heavy, admin] = [makeKey('big'), makeKey('small'), makeKey('heavy'), makeKey('ops', ['admin'])]
    const file = await keysFile([big, small, heavy, admin], { heavy: { weight: 2 } })
    const { api } = await startStack({ env: { API_KEYS_FILE: file.path, WORKER_QUEUES: 'io:1,cpu:1' } })
    await send('POST', `${api.url}/v1/queues/io/pause`, { headers: admin.headers })
    const add = async (key: typeof big, count: number, options: (n: number) => object = () => ({})) => {
      const ids: string[] = []
      for (let n = 0; n < count; n++) {
        const body = { type: 'echo', input: n, ...options(n) }
        ids.push((await send<{ id: string }>('POST', `${api.url}/v1/jobs`, { body, headers: key.headers })).body.id)
      }
      return ids
    }
    const many = await add(big, 60, (n) => ({ fairness_key: n < 50 ? 'flood' : `k${n}` }))
    const few = await add(small, 15)
    const twice = await add(heavy, 30)
    await send('POST', `${api.url}/v1/queues/io/resume`, { headers: admin.headers })
    const startOf = async (key: typeof big, id: string) => {
      const headers = { ...key.headers, prefer: 'wait=50' }
      const { body } = await send<{ started_at: string }>('GET', `${api.url}/v1/jobs/${id}`, { headers })
      return Date.parse(body.started_at)
    }
    const starts = [
      ...(await Promise.all(
        many.map(async (id, n) => ({ of: n < 50 ? 'flood' : 'keys', at: await startOf(big, id), id })),
      )),
      ...(await Promise.all(few.map(async (id) => ({ of: 'small', at: await startOf(small, id), id })))),
      ...(await Promise.all(twice.map(async (id) => ({ of: 'heavy', at: await startOf(heavy, id), id })))),
    ].toSorted((a, b) => a.at - b.at)
    const firstStarts = starts.slice(0, 56)
    const count = (...of: string[]) => firstStarts.filter((start) => of.includes(start.of)).length
    expect(count('small')).toBeGreaterThanOrEqual(12)
    expect(count('heavy')).toBeGreaterThanOrEqual(24)
    expect(count('flood', 'keys')).toBeLessThanOrEqual(18)
    // The keys of the tenant take turns.
    expect(count('keys')).toBeGreaterThanOrEqual(9)
  },
)
