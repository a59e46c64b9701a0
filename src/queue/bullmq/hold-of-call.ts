import { monotonicMs } from '../model/monotonic.ts'

/** What is known of a fetched job besides what Redis answered. */
export interface Hold {
  token: string
  startedAt: number
  heldSince: number
}

/**
 * Since when a lock is known to be held that a call has set which is answered now. After a long call nobody knows whether it waited for Redis
 * before it was executed, or the answer for this process since: then from when it was sent, so that the worker asks again before a start.
 */
export function holdOfCall(sentAt: number, lockMs: number): number {
  const now = monotonicMs()
  return now - sentAt > lockMs / 2 ? sentAt : now
}
