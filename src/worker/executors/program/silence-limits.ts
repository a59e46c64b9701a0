/** How long a program may be silent. */
export interface SilenceLimits {
  /** Until it says hello. */
  helloMs: number
  /** Between two pings. */
  pingMs: number
  /** While a job runs in a program that has answered pings before. */
  pongMs: number
}

export const silenceLimits: SilenceLimits = { helloMs: 10_000, pingMs: 1000, pongMs: 30_000 }
