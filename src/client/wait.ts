import { backoffMs, pause } from './pause.ts'
import type { CallOptions, Transport } from './transport.ts'

/** A request that was to be held this long, and was not, is no reason to send the next one at once. */
const promptMs = 500

/** Reads a job or a flow until it is done, by requests that the server holds. @param known it, as it was read last */
export async function waitUntilDone<T extends { done: boolean }>(
  transport: Transport,
  path: string,
  known: T | undefined,
  { signal }: CallOptions,
): Promise<T> {
  let last = known
  for (let prompt = 0; !last?.done; ) {
    const startedAt = performance.now()
    last = (await transport.call('GET', path, { isWait: true, signal })) as T
    if (last.done) break
    // A server that stops, or has no room for another wait, answers at once.
    prompt = performance.now() - startedAt < promptMs ? prompt + 1 : 0
    if (prompt > 0) await pause(backoffMs(prompt), signal)
  }
  return last
}
