import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineJob, type Job, type JobContext, type RunsOn } from 'drover'
import { z } from 'zod'
import { appendEntry } from './ledger-file.ts'

const input = z.strictObject({
  ledger: z.string().describe('The file to append to'),
  ms: z.int().min(0).default(0),
  /**
   * `compute` keeps its thread busy. `kill-worker` kills its worker as soon as it has started. So does `throw-outside` on an event
   * loop, by an uncaught error. `exit-host` ends the thread or process of the handler after `ms`.
   */
  how: z.enum(['wait', 'compute', 'kill-worker', 'throw-outside', 'exit-host']).default('wait'),
  /** Ignores its signal, like code that does not know of signals. */
  deaf: z.boolean().default(false),
})

export type LedgerJobInput = z.input<typeof input>

const output = z.strictObject({ run: z.string(), pid: z.int() })

/**
 * A job type that records its starts and ends outside of Redis. An interrupted start has no end. Its last progress, log and
 * output carry the id of the start, so that a reader knows where they come from.
 */
export function ledgerJob(runsOn: RunsOn): Job {
  return defineJob({
    type: `ledger-${runsOn}`,
    title: `Record its starts and ends: ${runsOn}`,
    runsOn,
    input,
    output,
    async run({ ledger, ms, how, deaf }, job) {
      const worker = runsOn === 'process' ? process.ppid : process.pid
      const own = { id: job.id, run: randomUUID(), attempt: job.attempt, pid: process.pid, worker }
      appendEntry(ledger, { kind: 'start', ...own, at: Date.now() })
      if (how === 'kill-worker') process.kill(worker, 'SIGKILL')
      if (how === 'throw-outside') setImmediate(throwOutside)
      if (how === 'exit-host') await exitHost(ms)
      await (how === 'compute' ? compute(ms, deaf, job) : wait(ms, deaf, job))
      appendEntry(ledger, { kind: 'end', ...own, at: Date.now() })
      job.progress(1, own.run)
      job.log(own.run)
      return { run: own.run, pid: process.pid }
    },
  })
}

async function wait(ms: number, deaf: boolean, job: JobContext): Promise<void> {
  await sleep(ms, undefined, deaf ? {} : { signal: job.signal })
}

async function compute(ms: number, deaf: boolean, job: JobContext): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until) if (!deaf) job.signal.throwIfAborted()
}

async function exitHost(ms: number): Promise<void> {
  await sleep(ms)
  process.exit(7)
}

function throwOutside(): never {
  throw new Error('this error is not caught')
}
