import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'
import { Bell } from './bell.ts'
import type { Hold } from './hold.ts'

/** An end between the first read and the subscription is found by the first poll. */
const firstPollMs = 50
/** A message can be lost with the worker that should have sent it: polling is the fallback. */
const pollEveryMs = 3000

interface WaitLimits {
  ms: number
  response: ServerResponse
  closing: AbortSignal
  hold: Hold
}

/** Something that ends: how to hear of its end, perhaps with its last state, and how to read it. */
export interface Awaited<T> {
  watch(onEnd: (ended: T | undefined) => void): Promise<() => void>
  read(): Promise<T | undefined>
}

/** {@link waitUntilDone} for `waitS` seconds, which the answer then has as `Preference-Applied`. */
export async function waitWithHeader<T extends { done: boolean }>(
  waitS: number,
  reply: FastifyReply,
  until: { closing: AbortSignal; hold: Hold },
  awaited: Awaited<T>,
  begin: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const value = await waitUntilDone(awaited, { ms: waitS * 1000, response: reply.raw, ...until }, begin)
  if (value) reply.header('preference-applied', `wait=${waitS}`)
  return value
}

/**
 * Waits until something is done. Listens from the moment on at which `begin` stores or reads it, so that its end cannot be missed.
 *
 * @param limits end the wait: time in ms, the client leaving, the server closing, the hold being revoked.
 * @returns the finished value, or the value as it is when a limit was reached; undefined when it is gone.
 * @throws what `begin` throws, and why the hold was revoked. When only the subscription fails, the wait falls back to polling.
 */
export async function waitUntilDone<T extends { done: boolean }>(
  awaited: Awaited<T>,
  limits: WaitLimits,
  begin: () => Promise<T | undefined>,
): Promise<T | undefined> {
  // What others keep of the wait, even after its end: it knows nothing of the job or of the request.
  const news = new Bell()
  let ended: T | undefined
  const end = performance.now() + limits.ms
  // Sent in the same tick as what `begin` sends, and before it: subscribing costs no round trip of its own.
  const watching = awaited.watch((value) => {
    ended = value ?? ended
    news.ring()
  })
  let hasPolled = false
  // The hub logs why it cannot subscribe.
  const watched = watching.catch(() => undefined)
  // The end may fall between the first poll and a late subscription.
  void watched.then(() => hasPolled && news.ring())
  // Not Fastify's request.signal: that aborts as soon as the body has been read.
  limits.response.on('close', news.ring)
  limits.closing.addEventListener('abort', news.ring)
  limits.hold.onRevoked(news.ring)
  try {
    let last = await begin()
    for (let pollMs = firstPollMs; last && !last.done; pollMs = pollEveryMs) {
      if (limits.hold.revoked) throw limits.hold.revoked
      if (ended) return ended
      const left = end - performance.now()
      if (left <= 0 || limits.closing.aborted || limits.response.closed) return last
      await news.rung(Math.min(left, pollMs))
      news.silence()
      hasPolled = true
      last = ended ?? (await readAgain(awaited, last))
    }
    return last
  } finally {
    limits.response.off('close', news.ring)
    limits.closing.removeEventListener('abort', news.ring)
    void watched.then((stop) => stop?.())
  }
}

/** Redis may be away for a part of the wait: what is awaited was accepted, so the wait goes on. */
async function readAgain<T>(awaited: Awaited<T>, last: T): Promise<T | undefined> {
  try {
    return await awaited.read()
  } catch (error) {
    if (error instanceof QueueUnavailableError) return last
    throw error
  }
}
