import type { ServerResponse } from 'node:http'
import { QueueUnavailableError } from '../queue/connection.ts'
import type { Announcement, JobEventHub } from '../queue/job-event-hub.ts'
import type { JobRef } from '../queue/job-id.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { StoredJob } from '../queue/job-record.ts'

/** A message can be lost with the worker that should have sent it, so a waiter also looks by itself. */
const lookEveryMs = 3000

export interface WaitLimits {
  ms: number
  response: ServerResponse
  closing: AbortSignal
}

/** Something that ends: how to hear of it, and how to read it. */
interface Awaited<T> {
  watch(listener: (said: Announcement) => void): Promise<() => void>
  read(): Promise<T | undefined>
}

/**
 * Waits until a job is done. Listens before `begin` stores or reads it, so that its end cannot be missed.
 *
 * @param limits end the wait: time in ms, the client leaving, the server closing.
 * @returns the finished job, or the job as it stands when a limit was reached; undefined when it is gone.
 * @throws what `begin` throws, and QueueUnavailableError when Redis cannot be asked to begin with.
 */
export function waitForJob(
  { queue, hub }: { queue: JobQueue; hub: JobEventHub },
  ref: JobRef,
  limits: WaitLimits,
  begin: () => Promise<StoredJob | undefined>,
): Promise<StoredJob | undefined> {
  return waitUntilDone({ watch: (listener) => hub.watch(ref, listener), read: () => queue.read(ref) }, limits, begin)
}

/** {@link waitForJob} for whatever ends. */
export async function waitUntilDone<T extends { done: boolean }>(
  awaited: Awaited<T>,
  limits: WaitLimits,
  begin: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let wake: (() => void) | undefined
  let news = false
  const onNews = () => {
    news = true
    wake?.()
  }
  const end = Date.now() + limits.ms
  const stopWatching = await awaited.watch((said) => said.changed && said.mayBeDone && onNews())
  // Not Fastify's request.signal: that aborts as soon as the body has been read.
  limits.response.on('close', onNews)
  limits.closing.addEventListener('abort', onNews)
  try {
    let last = await begin()
    while (last && !last.done) {
      const left = end - Date.now()
      if (left <= 0 || limits.closing.aborted || limits.response.closed) return last
      if (!news) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(left, lookEveryMs))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      news = false
      last = await readAgain(awaited, last)
    }
    return last
  } finally {
    limits.response.off('close', onNews)
    limits.closing.removeEventListener('abort', onNews)
    stopWatching()
  }
}

/** Redis may be away for a part of the wait: what is waited for was accepted, so the wait goes on. */
async function readAgain<T>(awaited: Awaited<T>, last: T): Promise<T | undefined> {
  try {
    return await awaited.read()
  } catch (error) {
    if (error instanceof QueueUnavailableError) return last
    throw error
  }
}
