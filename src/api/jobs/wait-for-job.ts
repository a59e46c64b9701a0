import type { ServerResponse } from 'node:http'
import type { JobEventHub } from '../../queue/events/event-hub.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'

/** Listening begins while the job is stored or read: should its end fall between the two, the first look finds it. */
const firstLookMs = 50
/** A message can be lost with the worker that should have sent it, so a waiter also looks by itself. */
const lookEveryMs = 3000

export interface WaitLimits {
  ms: number
  response: ServerResponse
  closing: AbortSignal
}

/** Something that ends: how to hear of it, perhaps with how it stands then, and how to read it. */
interface Awaited<T> {
  watch(onEnd: (ended: T | undefined) => void): Promise<() => void>
  read(): Promise<T | undefined>
}

/**
 * Waits until a job is done. Listens from the moment on at which `begin` stores or reads it, so that its end cannot be missed.
 *
 * @param limits end the wait: time in ms, the client leaving, the server closing.
 * @returns the finished job, or the job as it stands when a limit was reached; undefined when it is gone.
 * @throws what `begin` throws. When Redis takes what begins, but nobody who listens, the wait is made of looks.
 */
export function waitForJob(
  { queue, hub }: { queue: JobQueue; hub: JobEventHub },
  ref: JobRef,
  limits: WaitLimits,
  begin: () => Promise<StoredJob | undefined>,
): Promise<StoredJob | undefined> {
  const watch = (onEnd: (job: StoredJob | undefined) => void) =>
    hub.watch(ref, (said) => said.changed && said.mayBeDone && onEnd(said.job))
  return waitUntilDone({ watch, read: () => queue.read(ref) }, limits, begin)
}

/** {@link waitForJob} for a job that `begin` stores, with the hub's waiter as its own, and nobody else can have stored. */
export function waitForNewJob(
  { queue, hub }: { queue: JobQueue; hub: JobEventHub },
  ref: JobRef,
  limits: WaitLimits,
  begin: () => Promise<StoredJob | undefined>,
): Promise<StoredJob | undefined> {
  const watch = (onEnd: (job: StoredJob | undefined) => void) => hub.awaitEnd(ref, onEnd)
  return waitUntilDone({ watch, read: () => queue.read(ref) }, limits, begin)
}

/** {@link waitForJob} for whatever ends. */
export async function waitUntilDone<T extends { done: boolean }>(
  awaited: Awaited<T>,
  limits: WaitLimits,
  begin: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let wake: (() => void) | undefined
  let news = false
  let ended: T | undefined
  const onNews = () => {
    news = true
    wake?.()
  }
  const end = Date.now() + limits.ms
  // Sent in the same turn, the wish to listen first: it costs no time of its own.
  const watching = awaited.watch((job) => {
    ended = job ?? ended
    onNews()
  })
  let hasLooked = false
  // The hub has said why it cannot listen; the looks find the end then.
  const watched = watching.catch(() => undefined)
  // The end may fall between the first look and a Redis that is late to listen.
  void watched.then(() => hasLooked && onNews())
  // Not Fastify's request.signal: that aborts as soon as the body has been read.
  limits.response.on('close', onNews)
  limits.closing.addEventListener('abort', onNews)
  try {
    let last = await begin()
    for (let look = firstLookMs; last && !last.done; look = lookEveryMs) {
      if (ended) return ended
      const left = end - Date.now()
      if (left <= 0 || limits.closing.aborted || limits.response.closed) return last
      if (!news) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(left, look))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      news = false
      hasLooked = true
      last = ended ?? (await readAgain(awaited, last))
    }
    return last
  } finally {
    limits.response.off('close', onNews)
    limits.closing.removeEventListener('abort', onNews)
    void watched.then((stop) => stop?.())
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
