import type { JobsOptions } from 'bullmq'
import { bullPriority } from '../model/priority.ts'

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
    timestamp: createdAt,
    ...(delayMs > 0 && { delay: delayMs }),
  }
}

/** Most jobs say the same. */
const known = new Map<number, string>()
const maxKnown = 1000

/**
 * {@link jobOptions} as they are stored, as JSON: what follows from the job or is BullMQ's default is left out. They stay below 65 characters: with
 * a longer value Redis keeps the whole job in three times as many bytes.
 */
export function storedJobOptions({ attempts = 1, delay }: JobsOptions): string {
  const stored = attempts > 1 ? { attempts, backoff } : { backoff }
  if (delay) return JSON.stringify({ ...stored, delay })
  let text = known.get(attempts)
  if (text === undefined) {
    text = JSON.stringify(stored)
    if (known.size < maxKnown) known.set(attempts, text)
  }
  return text
}
