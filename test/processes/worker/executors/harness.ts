import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import type { Job } from '../../../../src/jobs/define-job.ts'
import { type EmitJobEvent, isKeepRequest, type JobEvent, type KeepRequest } from '../../../../src/jobs/job-event.ts'
import { type LoadedJob, loadJob } from '../../../../src/jobs/registry.ts'
import type { StopRequest } from '../../../../src/jobs/stop-request.ts'
import { createExecutors } from '../../../../src/worker/executors/create-executors.ts'
import type { Executor, Outcome } from '../../../../src/worker/executors/executor.ts'
import type { Attempt } from '../../../../src/worker/handler/attempt.ts'

export const poolKinds = ['thread', 'process'] as const

export function fixtureFile(name: string): string {
  return join(import.meta.dirname, 'fixtures', `${name}.ts`)
}

export async function loadFixture(
  name: string,
  changes: Partial<Pick<Job, 'memoryLimitMb' | 'isolation'>> = {},
): Promise<LoadedJob> {
  const file = fixtureFile(name)
  return { file, job: { ...(await loadJob(file)), ...changes } }
}

export interface LogLine {
  level: 'info' | 'warn'
  fields: Record<string, unknown>
  message: string
}

export function recordLog() {
  const lines: LogLine[] = []
  const record = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  return { lines, log: { info: record('info'), warn: record('warn') } }
}

/** Executors that close with the test, which fails if they do not end. */
export function openExecutors(
  options: {
    size?: number
    allowCidrs?: string[]
    environment?: NodeJS.ProcessEnv
    user?: { uid: number; gid: number }
  } = {},
) {
  const { lines, log } = recordLog()
  const { size = 1, allowCidrs = [], environment = process.env, user } = options
  const executors = createExecutors({ threads: size, processes: size, allowCidrs, environment, user, log })
  onTestFinished(() => executors.close())
  return { executors, lines }
}

export interface Started {
  events: JobEvent[]
  kept: KeepRequest[]
  /** The messages of its log events. */
  logged(): string[]
  outcome: Promise<Outcome>
  stop(request?: Partial<StopRequest>): void
}

let runs = 0

/** Starts a run and collects its events; `take` is the receiver, which may be behind. */
export function start(
  executor: Executor,
  loaded: LoadedJob,
  input: unknown = {},
  take: EmitJobEvent = () => undefined,
  before: Partial<Attempt> = {},
): Started {
  const events: JobEvent[] = []
  const controller = new AbortController()
  const attempt = {
    id: `run-${++runs}`,
    type: loaded.job.type,
    tenant: 'acme',
    hops: 2,
    input,
    attempt: 1,
    maxAttempts: 3,
    fence: 1_000_002,
    ...before,
  }
  const kept: KeepRequest[] = []
  const emit: EmitJobEvent = (event) => {
    if (isKeepRequest(event)) kept.push(event)
    else events.push(event)
    return take(event)
  }
  return {
    events,
    kept,
    logged: () => events.flatMap((event) => (event.kind === 'log' ? [event.message] : [])),
    outcome: executor.run(loaded, attempt, emit, controller.signal),
    stop: (request = {}) => controller.abort({ kind: 'canceled', graceMs: 1000, ...request }),
  }
}

/** Polls until `check` no longer throws and is not false. */
export function until(check: () => unknown, timeout = 10_000): Promise<void> {
  return vi.waitFor(
    async () => {
      if ((await check()) === false) throw new Error(`not yet: ${check.toString()}`)
    },
    { timeout, interval: 5 },
  )
}

/** False also for a zombie: an orphan stays one if process 1 does not reap it (as in some containers). */
export function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  try {
    process.kill(pid, 0)
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(stat, 'utf8'))
  } catch {
    return false
  }
}

export async function outputOf(started: Started): Promise<unknown> {
  const outcome = await started.outcome
  if (outcome.status !== 'returned') throw new Error(`ended as ${JSON.stringify(outcome)}`)
  return outcome.output
}

const place = z.object({ pid: z.int(), threadId: z.int(), task: z.string().nullable(), arguments: z.array(z.string()) })

/**
 * Runs `where-am-i`. `host` identifies the thread or process; `exists` tells whether it still exists (for a thread only if the
 * system has /proc).
 */
export async function findPlace(executor: Executor, options: { memoryLimitMb?: number; afterMs?: number } = {}) {
  const { afterMs = 0, ...changes } = options
  const found = place.parse(await outputOf(start(executor, await loadFixture('where-am-i', changes), { afterMs })))
  const { pid, threadId, task } = found
  const isThread = pid === process.pid
  return {
    ...found,
    host: `${pid}/${threadId}`,
    exists: () => (isThread ? task !== null && existsSync(task) : isAlive(pid)),
  }
}
