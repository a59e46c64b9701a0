import type { Clients } from './clients.ts'
import type { World, WorldOptions } from './world.ts'

/** What a row finds beside the jobs: of webhooks and streams. */
interface Extra {
  lost: number
  endedTwice: number
  note?: string
}

/** One fault, and what it is measured with. */
export interface Row {
  /** For `npm run faults -- --row <name>`. */
  name: string
  /** For people: what happens. */
  title: string
  /** Redis loses what it has acknowledged: jobs may be lost. */
  isLossy?: true
  setup?: WorldOptions
  /** Starts more, before the clients begin. */
  prepare?: (world: World) => Promise<void>
  /** Each job names this webhook. Called before the clients begin. */
  webhook?: (world: World) => Promise<string>
  /** How many clients submit; default 10. */
  clients?: number
  /** Why the row cannot run here; undefined: it can. */
  isMissing?: () => string | undefined
  /** Causes the faults, by `world.fault`. Resolves when the last is over. */
  cause(world: World, clients: Clients): Promise<void>
  /** Looks at more than jobs, after all jobs have ended. */
  check?: (world: World, clients: Clients) => Promise<Extra>
}

/** What was counted. Times are in ms. */
export interface RowResult {
  accepted: number
  lost: number
  endedTwice: number
  startedTwice: number
  recoveryMs: number
  p99Ms: number
  unanswered: number
  note: string
}
