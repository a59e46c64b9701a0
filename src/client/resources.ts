// What the API answers with. docs/api.md and openapi.yaml describe the fields; a server may have more of them.

const ends = ['succeeded', 'failed', 'canceled', 'expired'] as const
type EndState = (typeof ends)[number]

/** The states of jobs and flows, in the order in which they pass through them. */
export const states = ['scheduled', 'blocked', 'queued', 'running', ...ends] as const
export type State = (typeof states)[number]

/** Why a job did not succeed. */
export interface JobError {
  code: string
  message: string
  retryable: boolean
  attempt: number
  stopped?: 'never_started' | 'cooperatively' | 'killed' | 'abandoned'
}

/** `fraction` is from 0 to 1. */
export interface Progress {
  fraction: number
  message: string | null
  data?: unknown
}

/** A start of a job. */
interface JobAttempt {
  attempt: number
  worker: string | null
  started_at: string | null
  ended_at: string | null
  outcome: string | null
  error: { code: string; message: string; retryable: boolean } | null
}

/** What keeps a job that could start from starting. */
export interface HeldBy {
  kind: string
  since: string
  key?: string
  limit?: number
  running?: number
  eligible_at?: string
}

/** A job. Times are RFC 3339. */
export interface Job<Type = string, Output = unknown> {
  id: string
  type: Type
  queue: string
  state: State
  done: boolean
  /** Null where `input_bytes` is a number: read it at `links.input`. */
  input?: unknown
  input_bytes: number | null
  /** Null until it has succeeded, and where `output_bytes` is a number: `wait` and `run` read it then. */
  output?: Output | null
  output_bytes: number | null
  error: JobError | null
  progress: Progress | null
  /** What its handler has kept for the next start. */
  checkpoint: { size_bytes: number; at: string } | null
  /** Of a job that is `blocked` since its handler waits: for which signals. */
  waiting_for: { since: string; signals: { name: string; until: string | null }[]; children: boolean } | null
  signals: { name: string; received_at: string; size_bytes: number }[]
  run: number
  attempt: number
  max_attempts: number
  worker: string | null
  priority: number
  timeout_ms: number | null
  webhook: { url: string } | null
  tags: string[]
  metadata: Record<string, string>
  created_at: string
  scheduled_for: string | null
  held_by: HeldBy | null
  started_at: string | null
  finished_at: string | null
  cancel_requested_at: string | null
  deadline_at: string | null
  expires_at: string | null
  flow_id: string | null
  /** The job whose handler has submitted it. */
  parent: { id: string; root_id: string; depth: number } | null
  /** Jobs that its handler has submitted. */
  children: { count: number } | null
  trace_id: string | null
  attempts: JobAttempt[]
  links: { self: string; input: string; output: string; values: string; events: string; logs: string; cancel: string }
}

/** A job that has ended: its output is whole. */
export type FinishedJob<Type = string, Output = unknown> =
  | (Omit<Job<Type, Output>, 'output'> & { done: true; state: 'succeeded'; output: Output })
  | (Omit<Job<Type, Output>, 'output'> & { done: true; state: 'failed' | 'canceled' | 'expired'; output: null })

/** The node of a flow's tree. */
export type FlowTree = { path: string; state: State } & (
  | { kind: 'job'; id: string; type: string }
  | { kind: 'chain'; chain: FlowTree[] }
  | { kind: 'gather'; gather: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
  | { kind: 'map'; map: FlowTree[]; on_failure: 'fail_fast' | 'continue' }
)

/** A flow. */
export interface Flow {
  id: string
  state: State
  done: boolean
  error: { code: string; message: string; job_id: string | null; path: string | null } | null
  run: number
  jobs: number
  counts: Record<State, number>
  /** Null in answers of `wait`. */
  tree: FlowTree | null
  tags: string[]
  metadata: Record<string, string>
  created_at: string
  finished_at: string | null
  cancel_requested_at: string | null
  deadline_at: string | null
  expires_at: string | null
  links: { self: string; results: string; events: string; cancel: string; deliveries: string }
}

/** A member of a flow with its result. `id` is null where the member is a group of jobs. */
export interface FlowMember {
  id: string | null
  index: number
  path: string
  metadata: Record<string, string>
  state: State
  output?: unknown
  output_bytes: number | null
  error: { code: string; message: string } | null
}

/** Stands for the output of a member that did not succeed, in a group with `on_failure: 'continue'`. */
export interface FailedMember {
  type: string
  title: string
  detail: string
  code: string
  state: State | null
  job_id: string | null
  path: string
}

/** A line of a job's log. */
export interface LogLine {
  at: string
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  attempt: number
}

/** What happens to a job. `snapshot` comes first, and again each time that the connection was opened anew; `done` comes last. */
export type JobEvent<Type = string, Output = unknown> = { id: string } & (
  | { event: 'snapshot'; data: Job<Type, Output> }
  | { event: 'done'; data: FinishedJob<Type, Output> }
  | { event: 'state'; data: { state: State; attempt: number; at: string } }
  | { event: 'progress'; data: Progress }
  /** A value that the handler yielded: the one with this index of this list. */
  | { event: 'output'; data: { value?: unknown; index: number; list: number } }
  /** The values from `from` on do not count any more: the job started anew. */
  | { event: 'values_reset'; data: { list: number; from: number } }
  | { event: 'log'; data: LogLine }
  /** So many events were trimmed before they could be sent. */
  | { event: 'gap'; data: { missed: number } }
)

/** What happens to a flow: `member` as each of its jobs ends. */
export type FlowEvent = { id: string } & (
  | { event: 'snapshot' | 'done'; data: Flow }
  | { event: 'member'; data: FlowMember }
)

/** Fields of a submission besides its type and input, as `POST /v1/jobs` has them. */
export interface JobOptions extends FlowJobOptions {
  result_ttl_ms?: number
  webhook?: Webhook
  /** At most one job holds a key at a time. */
  unique?: {
    key: string
    until?: 'started' | 'ended'
    for_ms?: number
    on_conflict?: 'existing' | 'reject' | 'replace'
  }
  /** Submissions of a key that come soon after each other are one job, with the newest input. */
  debounce?: { key: string; quiet_ms: number; most_ms?: number }
}

/** … of a job of a flow. */
export interface FlowJobOptions {
  run_at?: string
  delay_ms?: number
  /** 0 to 9: higher ones start first. */
  priority?: number
  attempts?: number
  backoff?: { type: 'fixed' | 'exponential'; delay_ms: number; jitter?: number }
  timeout_ms?: number
  start_within_ms?: number
  deadline_ms?: number
  concurrency?: { key: string; limit?: number; on_full?: 'wait' | 'reject' | 'replace' }
  rate?: { key: string; limit: number; per_ms: number; burst?: number }
  fairness_key?: string
  tags?: string[]
  metadata?: Record<string, string>
}

/** Fields of a flow besides its tree, as `POST /v1/flows` has them. */
export interface FlowOptions {
  deadline_ms?: number
  tags?: string[]
  metadata?: Record<string, string>
  webhook?: Webhook
}

interface Webhook {
  url: string
  /** Default: all four. */
  events?: EndState[]
}
