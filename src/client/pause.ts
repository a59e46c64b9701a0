const firstMs = 250
const longestMs = 5000

/**
 * How long to wait before the next try: twice as long after each failure, and no less than the server asks for. Half of it is random, so
 * that the clients of a server that was away do not come back at one moment.
 *
 * @param failures how many tries have failed in a row, from 1
 */
export function backoffMs(failures: number, askedForMs = 0): number {
  const ms = Math.min(firstMs * 2 ** (failures - 1), longestMs)
  return Math.max(ms * (0.5 + Math.random() / 2), askedForMs * (1 + Math.random() / 10))
}

/** Resolves after `ms`. @throws the reason of `signal` as soon as it is aborted */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
