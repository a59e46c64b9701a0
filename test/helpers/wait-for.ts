import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/**
 * Polls `read` until `accept` returns true, and resolves to the accepted value. For what no event announces: if there is an event,
 * wait for that.
 *
 * @throws if that takes longer than `withinMs` (default 30 seconds, since the machine may be busy), with `what` and the last value. An error of `read` counts
 * as a value that is not accepted.
 */
export async function waitFor<T>(
  what: string,
  read: () => T | Promise<T>,
  accept: (value: T) => boolean,
  options: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { withinMs = 30_000, everyMs } = options
  const from = performance.now()
  const over = new AbortController()
  let seen = (): string => 'nothing'
  const late = sleep(withinMs, undefined, over).then(() => {
    throw new Error(`waited ${withinMs} ms for ${what}; last seen: ${seen()}`)
  })
  // A read that never answers must not delay the timeout.
  const poll = async (): Promise<T> => {
    for (;;) {
      try {
        const value = await read()
        if (accept(value)) return value
        seen = () => inspect(value, { depth: 5 })
      } catch (error) {
        seen = () => `thrown: ${inspect(error, { depth: 1 })}`
      }
      // The longer it takes, the longer the pauses: most values cost a request, and others need the core.
      const pauseMs = everyMs ?? Math.min(100, 10 + (performance.now() - from) / 20)
      await sleep(pauseMs, undefined, over)
    }
  }
  try {
    return await Promise.race([poll(), late])
  } finally {
    over.abort()
  }
}
