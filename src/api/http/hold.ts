import type { Problem } from './problem.ts'

/** The right of a client to an answer that takes long: an event stream, lines of JSON, a wait. */
export interface Hold {
  /** Why the client may no longer have the answer; undefined while it may. */
  readonly revoked: Problem | undefined
  /** Calls `listener` once, when the client may no longer have the answer; in this tick where that is so already. */
  onRevoked(listener: (why: Problem) => void): void
}
