import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { burnOutput } from '../../../src/jobs/burn.ts'
import burnCpu from '../../../src/jobs/catalog/diagnostic/burn-cpu.ts'
import { runJob, startJob } from '../../helpers/job-context.ts'

/** Runs the job in a real thread; posts `started` before it. */
function startThread(input: unknown): Worker {
  const source = `
    import { parentPort } from 'node:worker_threads'
    import job from ${JSON.stringify(import.meta.resolve('../../../src/jobs/catalog/diagnostic/burn-cpu.ts'))}
    parentPort.postMessage('started')
    await job.run(job.input.parse(${JSON.stringify(input)}), { signal: new AbortController().signal, progress() {} })
    parentPort.postMessage('finished')`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    resourceLimits: { maxOldGenerationSizeMb: 32 },
  })
  onTestFinished(async () => void (await worker.terminate()))
  return worker
}

describe('burn-cpu', () => {
  test('computes for the requested duration, with a progress event per step', async () => {
    const before = performance.eventLoopUtilization()
    const job = startJob(burnCpu, { duration_ms: 60, steps: 3 })
    await job.done
    expect(job.progress.map(({ fraction }) => fraction)).toEqual([1 / 3, 2 / 3, 1])
    // Not the CPU time: on a busy machine a job that never rests gets little of it.
    expect(performance.eventLoopUtilization(before).utilization).toBeGreaterThan(0.5)
  })

  test('never burns less than asked', async () => {
    const startedAt = performance.now()
    const { burned_ms } = burnOutput.parse(await runJob(burnCpu, { duration_ms: 30 }))
    expect(burned_ms).toBeGreaterThanOrEqual(30)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30)
  })

  test('sees its signal within a step', async () => {
    const job = startJob(burnCpu, { duration_ms: 600_000, steps: 1 })
    setImmediate(() => job.abort(new Error('stop')))
    await expect(job.done).rejects.toThrow('stop')
    expect(job.progress).toHaveLength(0)
  })

  test('throws on behavior throw', async () => {
    await expect(startJob(burnCpu, { duration_ms: 10, behavior: 'throw' }).done).rejects.toThrow('thrown as asked')
  })

  test('spins without reading its signal, until its thread is ended', async () => {
    const worker = startThread({ behavior: 'spin' })
    expect(await once(worker, 'message')).toEqual(['started'])
    expect(await worker.terminate()).toBe(1)
  })

  test('does not crash: that needs a process of its own', () => {
    expect(burnCpu.input.safeParse({ behavior: 'crash' }).success).toBe(false)
  })
})
