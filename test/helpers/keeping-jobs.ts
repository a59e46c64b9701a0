import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { executors } from './yielding-jobs.ts'

/**
 * Job types `keep-<executor>` that yield the numbers below `count` and make a checkpoint behind each `every` of them. They call the step
 * `begin` once, and log `effect` for each time that it runs, `from <n>` where a start begins, and `kept <n>` for each checkpoint that is stored.
 * Before the checkpoint behind the value `stop_at` the first start waits until it is stopped; `stop_behind`: it does so behind it.
 */
const definition = (runsOn: string) => `
  import { once } from 'node:events'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'keep-${runsOn}', title: 'Keeps where it is', runsOn: '${runsOn}', timeoutMs: 120_000,
    input: z.object({
      count: z.int(), every: z.int().default(10), pause_ms: z.int().default(0), fail_at: z.int().default(-1),
      stop_at: z.int().default(-1), stop_behind: z.int().default(-1),
    }),
    output: z.object({ from: z.int(), token: z.string(), fence: z.int() }),
    async *run({ count, every, pause_ms, fail_at, stop_at, stop_behind }, job) {
      const from = z.object({ n: z.int() }).safeParse(job.restored).data?.n ?? 0
      job.log('from ' + from)
      const token = await job.once('begin', async () => {
        job.log('effect')
        return 'token of ' + job.fence
      })
      const isFirst = job.fence % 1_000_000 === 1
      const untilStopped = async () => {
        job.log('stopped')
        const { signal } = job
        if (!signal.aborted) await once(signal, 'abort')
      }
      for (let n = from; n < count; n++) {
        if (pause_ms > 0) await sleep(pause_ms)
        if (n === fail_at && job.attempt === 1) throw new Error('at ' + n)
        yield n
        if (isFirst && n === stop_at) await untilStopped()
        if ((n + 1) % every === 0) {
          await job.checkpoint({ n: n + 1 })
          job.log('kept ' + (n + 1))
        }
        if (isFirst && n === stop_behind) await untilStopped()
      }
      return { from, token, fence: job.fence }
    },
  })`

/** A folder of these job types, for JOBS_DIR. */
export async function keepingJobs(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const runsOn of executors) await writeFile(join(dir, `${runsOn}.ts`), definition(runsOn))
  return dir
}
