import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/**
 * Reads until `accept` holds, and resolves to what was accepted. For what no event announces; where there is one, wait for that.
 *
 * @throws when it did not hold within `withinMs` (default 10 seconds), with `what` and what was read last. What `read`
 * throws counts as not yet.
 */
export async function waitFor<T>(
  what: string,
  read: () => T | Promise<T>,
  accept: (value: T) => boolean,
  options: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { withinMs = 10_000, everyMs = 10 } = options
  const over = new AbortController()
  let seen = 'nothing'
  const late = sleep(withinMs, undefined, over).then(() => {
    throw new Error(`waited ${withinMs} ms for ${what}; last seen: ${seen}`)
  })
  // A read that never answers must not hold up the end.
  const poll = async (): Promise<T> => {
    for (;;) {
      try {
        const value = await read()
        if (accept(value)) return value
        seen = inspect(value, { depth: 5 })
      } catch (error) {
        seen = `thrown: ${inspect(error, { depth: 1 })}`
      }
      await sleep(everyMs, undefined, over)
    }
  }
  try {
    return await Promise.race([poll(), late])
  } finally {
    over.abort()
  }
}
