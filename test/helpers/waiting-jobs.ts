import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/**
 * Job types `wait-<executor>` that wait for signals, one after the other, or at once with `together`, or for the
 * first of them with `first`. They log `start`, `effect` for each time that
 * their step runs, `caught <code>` where a wait throws and `finally` where they leave the wait. With `catches` a wait that throws is an output.
 */
const definition = (runsOn: string) => `
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'wait-${runsOn}', title: 'Waits for signals', runsOn: '${runsOn}', timeoutMs: 20_000,
    input: z.object({
      names: z.array(z.string()), timeout_ms: z.number().optional(), catches: z.boolean().default(false),
      together: z.boolean().default(false), first: z.boolean().default(false), before_ms: z.int().default(0), again: z.string().optional(), group: z.string().optional(),
    }),
    concurrency: { key: ({ group }) => group },
    output: z.object({ ticket: z.string(), received: z.array(z.unknown()), restored: z.unknown(), fence: z.int() }),
    async *run({ names, timeout_ms: timeoutMs, catches, together, first, before_ms, again }, job) {
      job.log('start')
      yield job.fence
      const ticket = await job.once('ticket', () => {
        job.log('effect')
        return 'ticket of ' + job.fence
      })
      const { restored } = job
      await job.checkpoint({ ticket })
      if (before_ms > 0) await sleep(before_ms)
      const options = timeoutMs === undefined ? {} : { timeoutMs }
      const received = []
      try {
        if (first) {
          received.push(await job.waitForSignal(names, options))
          if (again !== undefined) received.push(await job.waitForSignal(again))
        } else if (together) received.push(...(await Promise.all(names.map((name) => job.waitForSignal(name, options)))))
        else for (const name of names) received.push(await job.waitForSignal(name, options))
      } catch (error) {
        job.log('caught ' + error.code)
        if (!catches) throw error
        received.push(error.code)
        if (again !== undefined) received.push(await job.waitForSignal(again, { step: 'again' }))
      } finally {
        job.log('finally')
      }
      return { ticket, received, restored: restored ?? null, fence: job.fence }
    },
  })`

/** @returns the folder of the job files */
export async function waitingJobs(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const runsOn of ['event-loop', 'thread', 'process'])
    await writeFile(join(folder, `wait-${runsOn}.ts`), definition(runsOn))
  return folder
}
