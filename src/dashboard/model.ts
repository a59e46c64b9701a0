import type { JobError, Progress, State } from '../client/resources.ts'
import type { Schema } from './json-schema.ts'

// What `/v1` answers, as far as the dashboard shows it. Jobs and flows are those of the client.

export type {
  Flow,
  FlowMember,
  FlowTree as FlowNode,
  HeldBy,
  Job,
  LogLine,
  Progress,
  State,
} from '../client/resources.ts'

/** The page loads types of the client alone, no code: the compiler checks that no state is missing here. */
const known = {
  scheduled: true,
  blocked: true,
  queued: true,
  running: true,
  succeeded: true,
  failed: true,
  canceled: true,
  expired: true,
} satisfies Record<State, true>
export const states = Object.keys(known) as State[]

export type Scope = 'read' | 'submit' | 'cancel' | 'admin'

export interface Key {
  id: string | null
  tenant: string
  scopes: Scope[]
}

export interface Page<Item> {
  items: Item[]
  next_cursor: string | null
  complete?: boolean
  searched_back_to?: string
}

export interface Queue {
  name: string
  paused: boolean
  workers: number
  counts: { scheduled: number; queued: number; running: number; succeeded: number; failed: number; held?: number }
  oldest_wait_ms: number | null
}

export interface JobType {
  type: string
  title: string
  description: string
  runs_on: string
  queue: string
  defaults: { attempts: number; timeout_ms: number }
  input: Schema
  output: Schema
  examples: { input: unknown; output: unknown }[]
}

export interface Schedule {
  id: string
  cron: string | null
  timezone: string | null
  every_ms: number | null
  start_at: string | null
  end_at: string | null
  overlap: string
  paused: boolean
  job: { type: string } & Record<string, unknown>
  input_bytes: number | null
  next_run_at: string | null
  last_run_at: string | null
  last_job_id: string | null
  skipped_runs: number
  held_back: { reason?: string } | null
}

export interface Delivery {
  id: string
  event: string | null
  url: string
  state: State
  done: boolean
  status: number | null
  error: JobError | null
  created_at: string | null
  next_attempt_at: string | null
  finished_at: string | null
  attempts: { attempt: number; started_at: string | null; status: number | null; error: JobError | null }[]
  links: { resend: string }
}

/** Counts of a time. */
export interface Counts {
  succeeded: number
  failed: number
  canceled: number
  expired: number
  started: number
  wait_p50_ms: number | null
  wait_p95_ms: number | null
  running: number
}

export interface Stats {
  from: string
  to: string
  step_ms: number
  points: ({ at: string } & Counts)[]
  queues: ({ queue: string } & Counts)[]
  types: ({ queue: string; type: string } & Counts)[]
}

export interface Worker {
  id: string
  name: string
  version: string | null
  draining: boolean
  load: number | null
  running: number | null
  queues: { name: string; concurrency: number | null; running: number | null }[]
  jobs: { id: string; type: string; started_at: string }[]
  memory_bytes: number | null
  started_at: string | null
  last_heartbeat_at: string
}

export interface FailureGroup {
  fingerprint: string
  type: string
  queue: string
  code: string
  message: string
  count: number
  total: number
  first_seen_at: string
  last_seen_at: string
  latest_job_id: string
}

export interface ListedDelivery extends Delivery {
  job_id: string | null
  flow_id: string | null
}

/** What is done to all jobs that match a filter. */
export interface Operation {
  id: string
  action: 'cancel' | 'retry' | 'delete'
  filter: Record<string, string>
  dry_run: boolean
  limit: number
  state: string
  done: boolean
  progress: Progress
  matched: number
  succeeded: number
  failed: number
  skipped: number
  failures: { job_id: string; code: string; detail: string }[]
  waiting_for: string | null
  error: { code: string; message: string } | null
  created_at: string
  finished_at: string | null
}

export interface AuditEntry {
  at: string
  tenant: string
  key: string | null
  action: string
  target: string | null
  request_id: string
}
