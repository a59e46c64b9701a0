import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, untilReady } from './running.ts'

/** A process that is started again whenever it dies. */
export interface Supervised {
  /**
   * Resolves when it serves for the first time.
   *
   * @throws NeverReadyError when it ended before: then something is wrong that another start would not mend.
   */
  readonly ready: Promise<void>
  /** Stops it for good, killing it after `withinMs`. May be called twice. */
  stop(withinMs: number): Promise<void>
  /** Kills it without waiting. */
  kill(): void
}

/** Waits between two starts: doubled from the first to the last, and back to the first after it ran for a minute. */
const backoff = { firstMs: 250, lastMs: 10_000, forgottenAfterMs: 60_000 }

/** How long after the `nth` failure in a row (from 0) the next start comes. */
export function restartDelay(nth: number): number {
  return Math.min(backoff.firstMs * 2 ** nth, backoff.lastMs)
}

/**
 * Keeps one process running: `launch` starts it, `say` tells about each unexpected end in one line.
 */
export function supervise(options: {
  name: string
  launch: () => Running
  say: (line: string) => void
  bootWithinMs: number
}): Supervised {
  const { name, launch, say, bootWithinMs } = options
  const stopping = new AbortController()
  let running = launch()
  const ready = untilReady(running, { name, withinMs: bootWithinMs })
  const watched = watch()

  async function watch(): Promise<void> {
    const first = await ready.then(
      () => true,
      () => false,
    )
    if (!first) return
    let failures = 0
    for (;;) {
      const startedAt = performance.now()
      const { text } = await running.ended
      if (stopping.signal.aborted) return
      failures = performance.now() - startedAt > backoff.forgottenAfterMs ? 0 : failures
      const delayMs = restartDelay(failures++)
      say(`${name} ended unexpectedly (${text}), starting it again in ${delayMs} ms`)
      const waited = await sleep(delayMs, true, { signal: stopping.signal }).catch(() => false)
      if (!waited || stopping.signal.aborted) return
      running = launch()
    }
  }

  return {
    ready,
    async stop(withinMs) {
      stopping.abort()
      await running.stop(withinMs)
      await watched
    },
    kill: () => running.send('SIGKILL'),
  }
}
