import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

// Several processes start, and jobs wait for real times.
vi.setConfig({ testTimeout: 90_000 })

const shift = `--import ${new URL('../helpers/shift-clock.mjs', import.meta.url).href}`
const tenMinutes = 600_000
const shifted = (ms: number) => ({ NODE_OPTIONS: shift, CLOCK_SHIFT_MS: String(ms) })

const speak = `
  import { defineJob } from 'drover'
  import { z } from 'zod'

  export default defineJob({
    type: 'speak',
    title: 'Log a line',
    runsOn: 'event-loop',
    input: z.null(),
    output: z.null(),
    examples: [],
    run: (_, job) => {
      job.log('a line')
      return null
    },
  })`

/** An API and a worker whose wall clocks are off by so much from that of Redis and of this test. */
async function startShifted(apiMs: number, workerMs: number) {
  const dir = await tempFolder()
  await writeFile(join(dir, 'speak.ts'), speak)
  const stack = await startStack({ workers: 0, env: { ...shifted(apiMs), JOBS_DIR: dir } })
  const worker = await stack.addWorker(shifted(workerMs))
  return { ...stack, worker }
}

async function tempFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-clock-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Submits a job and waits for its end. @returns it, and how long that took by the clock of this test */
async function timed(apiUrl: string, type: string, input: unknown, options: Record<string, unknown>) {
  const from = performance.now()
  const { body } = await submit(apiUrl, type, input, { ...options, waitS: 30 })
  return { job: body, ms: performance.now() - from }
}

test.each([
  { apiMs: tenMinutes, workerMs: 0 },
  { apiMs: 0, workerMs: tenMinutes },
  { apiMs: tenMinutes, workerMs: -tenMinutes },
  { apiMs: -tenMinutes, workerMs: tenMinutes },
])(
  'delays, limits, retries and schedules hold with an API off by $apiMs ms and a worker off by $workerMs ms',
  async ({ apiMs, workerMs }) => {
    const { api, worker } = await startShifted(apiMs, workerMs)
    const [delayed, late, inTime, retried] = await Promise.all([
      timed(api.url, 'echo', 1, { delay_ms: 2000 }),
      timed(api.url, 'sleep', { duration_ms: 60_000 }, { deadline_ms: 1500 }),
      timed(api.url, 'echo', 1, { deadline_ms: 30_000, start_within_ms: 30_000 }),
      timed(api.url, 'burn-cpu', { behavior: 'throw' }, { attempts: 2 }),
    ])
    expect(delayed.job.state).toBe('succeeded')
    expect(delayed.ms).toBeGreaterThanOrEqual(1990)
    expect(delayed.ms).toBeLessThan(15_000)
    expect(late.job).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } })
    expect(late.ms).toBeGreaterThanOrEqual(1490)
    expect(late.ms).toBeLessThan(15_000)
    expect(inTime.job.state).toBe('succeeded')
    expect(retried.job).toMatchObject({ state: 'failed', attempt: 2 })
    for (const { job } of [delayed, late, inTime, retried]) {
      const { created_at, started_at, finished_at } = job
      for (const at of [created_at, started_at, finished_at])
        expect(Math.abs(Date.parse(at ?? '') - Date.now())).toBeLessThan(60_000)
    }
    const spoke = await submit(api.url, 'speak', null, { waitS: 30 })
    const logs = await send<{ items: { at: string }[] }>('GET', `${api.url}/v1/jobs/${spoke.body.id}/logs`)
    const [line] = logs.body.items
    expect(Math.abs(Date.parse(line?.at ?? '') - Date.now())).toBeLessThan(60_000)

    const body = { every_ms: 1000, job: { type: 'echo', input: 1, tags: ['tick'] } }
    expect((await send('PUT', `${api.url}/v1/schedules/tick`, { body })).status).toBeLessThan(300)
    const ticks = await waitFor(
      'two ticks',
      async () => (await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=tick`)).body.items,
      (items) => items.filter(({ state }) => state === 'succeeded').length >= 2,
      { withinMs: 60_000 },
    )
    expect(ticks.length).toBeLessThan(20)

    const warnings = async (port: number) => {
      const { body } = await send<{ warnings: { code: string }[] }>('GET', `http://127.0.0.1:${port}/readyz`)
      return body.warnings.filter(({ code }) => code === 'clock_skew')
    }
    for (const { port, ms, logs } of [
      { port: Number(new URL(api.url).port), ms: apiMs, logs: api.logs },
      { port: worker.port, ms: workerMs, logs: worker.logs },
    ]) {
      const detail = expect.stringContaining(ms > 0 ? 'ahead of' : 'behind')
      expect(await warnings(port)).toEqual(ms === 0 ? [] : [{ code: 'clock_skew', detail }])
      expect(logs.filter((line) => 'skew_ms' in line)).toHaveLength(ms === 0 ? 0 : 1)
    }
    const metrics = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text()
    const skew = Number(/^drover_clock_skew_seconds (\S+)$/m.exec(metrics)?.[1])
    expect(Math.abs(skew - workerMs / 1000)).toBeLessThan(2)
  },
)

test.each([-8000, tenMinutes])(
  'a job whose worker sets its clock by %d ms while it runs starts once',
  async (stepMs) => {
    const file = join(await tempFolder(), 'shift')
    await writeFile(file, '0')
    const env = { LOCK_MS: '2500', WORKER_QUEUES: 'io:10' }
    const stack = await startStack({ env: { ...env, NODE_OPTIONS: shift, CLOCK_SHIFT_FILE: file } })
    const { body } = await submit(stack.api.url, 'sleep', { duration_ms: 6000 })
    await waitFor(
      'the start',
      () => read(stack.api.url, body.id),
      (answer) => answer.body.state === 'running',
    )
    await writeFile(file, String(stepMs))
    // It looks for jobs whose worker has vanished.
    await stack.addWorker({ NODE_OPTIONS: '' })
    const ended = await read(stack.api.url, body.id, 30)
    expect(ended.body).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(ended.body.attempts).toHaveLength(1)
  },
)
