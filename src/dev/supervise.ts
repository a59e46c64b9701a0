import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, untilReady } from './running.ts'

/** A process that is restarted whenever it ends. */
export interface Supervised {
  /**
   * Resolves when it is ready for the first time.
   *
   * @throws NeverReadyError if it ended before that: a restart would not help
   */
  readonly ready: Promise<void>
  /** Stops it permanently and kills it after `withinMs`. May be called twice. */
  stop(withinMs: number): Promise<void>
  /** Lets it end its work, and does not restart it. Resolves when it has ended. A `stop` meanwhile is obeyed. */
  retire(): Promise<void>
  /** Kills it without waiting. */
  kill(): void
}

/** Delay before a restart: exponential, reset once the process has run for a minute. */
const backoff = { firstMs: 250, maxMs: 10_000, resetAfterMs: 60_000 }

/** Delay before the restart that follows the `nth` failure in a row (from 0), in ms. */
export function restartDelay(nth: number): number {
  return Math.min(backoff.firstMs * 2 ** nth, backoff.maxMs)
}

/** Keeps one process running: `launch` starts it, `print` reports each unexpected end in one line. */
export function supervise(options: {
  name: string
  launch: () => Running
  print: (line: string) => void
  bootWithinMs: number
}): Supervised {
  const { name, launch, print, bootWithinMs } = options
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
      failures = performance.now() - startedAt > backoff.resetAfterMs ? 0 : failures
      const delayMs = restartDelay(failures++)
      print(`${name} ended unexpectedly (${text}), restarting it in ${delayMs} ms`)
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
    async retire() {
      stopping.abort()
      await (running.finish?.() ?? running.stop(0))
      await watched
    },
    kill: () => running.send('SIGKILL'),
  }
}
