import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import burnCpuIsolated from '../../../src/jobs/catalog/diagnostic/burn-cpu-isolated.ts'
import { startJob } from '../../helpers/job-context.ts'

describe('burn-cpu-isolated', () => {
  test('computes like burn-cpu', async () => {
    const job = startJob(burnCpuIsolated, { duration_ms: 5, steps: 2 })
    expect(await job.done).toEqual({ burned_ms: expect.any(Number) })
    expect(job.progress.map(({ fraction }) => fraction)).toEqual([0.5, 1])
  })

  test('aborts its process on behavior crash', async () => {
    const file = JSON.stringify(import.meta.resolve('../../../src/jobs/catalog/diagnostic/burn-cpu-isolated.ts'))
    const source = `const { default: job } = await import(${file}); await job.run(job.input.parse({ behavior: 'crash' }), { progress() {} })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', source], { stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([null, 'SIGABRT'])
  })
})
