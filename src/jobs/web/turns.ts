/** How long a computation may hold the event loop before others get a turn. */
const turnMs = 10

const waiting: (() => void)[] = []
let isScheduled = false

/**
 * Waits for a turn on this event loop. All computations that take turns here share it: one of them runs per iteration of the loop, in
 * the order in which they asked, so that many together hold it no longer than one.
 *
 * @returns until when the caller may compute, on the clock of `performance.now()`; then it asks again
 * @throws the signal's reason when it is aborted
 */
export async function takeTurn(signal: AbortSignal): Promise<number> {
  await new Promise<void>((resolve) => {
    waiting.push(resolve)
    schedule()
  })
  signal.throwIfAborted()
  return performance.now() + turnMs
}

function schedule(): void {
  if (isScheduled || waiting.length === 0) return
  isScheduled = true
  setImmediate(() => {
    isScheduled = false
    waiting.shift()?.()
    schedule()
  })
}
