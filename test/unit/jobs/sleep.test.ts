import { describe, expect, test } from 'vitest'
import sleep from '../../../src/jobs/catalog/diagnostic/sleep.ts'
import { runJob, startJob } from '../../helpers/job-context.ts'

describe('sleep', () => {
  test('returns the requested duration and reports each step, never early', async () => {
    const startedAt = performance.now()
    const job = startJob(sleep, { duration_ms: 40, steps: 4 })
    expect(await job.done).toEqual({ slept_ms: 40 })
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39)
    expect(job.progress.map(({ fraction }) => fraction)).toEqual([0.25, 0.5, 0.75, 1])
  })

  test('takes one step by default', async () => {
    const job = startJob(sleep, { duration_ms: 0 })
    expect(await job.done).toEqual({ slept_ms: 0 })
    expect(job.progress).toHaveLength(1)
  })

  test('does not wait once per step where there is nothing to wait for', async () => {
    expect(await runJob(sleep, { duration_ms: 0, steps: 10_000 })).toEqual({ slept_ms: 0 })
  })

  test('throws at the start of the step named by fail_at', async () => {
    const job = startJob(sleep, { duration_ms: 3, steps: 3, fail_at: 2 })
    await expect(job.done).rejects.toThrow('step 2')
    expect(job.progress).toHaveLength(2)
  })

  test('throws before any step when fail_at is 0', async () => {
    const job = startJob(sleep, { duration_ms: 3_600_000, fail_at: 0 })
    await expect(job.done).rejects.toThrow('step 0')
    expect(job.progress).toHaveLength(0)
  })

  test('ends at once when it is aborted', async () => {
    const job = startJob(sleep, { duration_ms: 3_600_000 })
    job.abort(new Error('stop'))
    await expect(job.done).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('refuses invalid durations and unknown fields', () => {
    for (const input of [
      {},
      { duration_ms: -1 },
      { duration_ms: 1.5 },
      { duration_ms: 86_400_001 },
      { duration_ms: 1, for: 2 },
    ]) {
      expect(sleep.input.safeParse(input).success).toBe(false)
    }
  })
})
