import type { JobsOptions } from 'bullmq'

/** 0 to 9, higher first, is ours. BullMQ's 1 is its most urgent, and its 0 would overtake every other. */
const bullPriority = (priority = 0) => 10 - priority

/** How many attempts a job's own history keeps. */
const attemptsKept = 20

/** Every delay between attempts is decided by the worker: see attempt-failed.ts. */
const backoff = { type: 'drover' }

/** True for a job that Drover added, false for one of a plain BullMQ producer. */
export const isDroverJob = ({ backoff: of }: JobsOptions) => typeof of === 'object' && of.type === backoff.type

/** What a job of ours tells BullMQ. `delayMs` counts from `createdAt`, in epoch ms. */
export function jobOptions(job: {
  id: string
  attempts: number
  priority: number | undefined
  createdAt: number
  delayMs: number
}): JobsOptions {
  const { id, attempts, priority, createdAt, delayMs } = job
  return {
    jobId: id,
    attempts,
    backoff,
    priority: bullPriority(priority),
    stackTraceLimit: attemptsKept,
    timestamp: createdAt,
    ...(delayMs > 0 && { delay: delayMs }),
  }
}

/** Most jobs say the same. */
const known = new Map<string, string>()
const maxKnown = 1000

/** {@link jobOptions} as they are stored, as JSON: without the id and the time, which the job has anyway. */
export function storedJobOptions({ attempts, priority, delay }: JobsOptions): string {
  const stored = { attempts, backoff, priority, stackTraceLimit: attemptsKept }
  if (delay) return JSON.stringify({ ...stored, delay })
  const name = `${attempts} ${priority}`
  let text = known.get(name)
  if (text === undefined) {
    text = JSON.stringify(stored)
    if (known.size < maxKnown) known.set(name, text)
  }
  return text
}
