import type { ChildCalls } from './child-job.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

interface WaitForSignal {
  (name: string, options?: WaitOptions): Promise<unknown>
  (names: readonly string[], options?: WaitOptions): Promise<ReceivedSignal>
}

export interface WaitOptions {
  timeoutMs?: number
  step?: string
}

/** The first of several signals. */
export interface ReceivedSignal {
  name: string
  payload: unknown
}

/** The second argument of a handler. The same on all three executors. */
export interface JobContext extends ChildCalls {
  /** The same for all attempts: use it to make the handler's effects idempotent. */
  readonly id: string
  readonly type: string
  /** Whose job it is: the tenant of the API key that submitted it. `-` without keys. */
  readonly tenant: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Rises with each start of the job and each of its runs: who remembers the highest one can refuse a worker that lost its lease. */
  readonly fence: number
  /** What an earlier start of this run gave to the last {@link checkpoint} that was stored; undefined where there is none. A new run begins without. */
  readonly restored: unknown
  /**
   * Keeps where the handler is (JSON, at most 256 KB) for the next start, should this one not end. What was yielded before is part of it: the next
   * start goes on with the list of values as it was then. Resolves when it is stored; of several that wait, the newest is stored.
   *
   * @throws JobError `invalid_checkpoint`, `checkpoint_refused` (this worker lost its lease), `checkpoint_not_stored`
   */
  readonly checkpoint: (state: unknown) => Promise<void>
  /**
   * Calls `fn` and keeps its result (JSON, all together at most 256 KB) under the name of the step, at most 1,000 in a run. Any later call by that name
   * in this run, also by another start, returns the result and does not call `fn`. A stored step is not repeated, an effect in flight may be.
   *
   * @throws what `fn` throws, and as {@link checkpoint}
   */
  readonly once: <T>(name: string, fn: () => T | Promise<T>) => Promise<T>
  /** Aborts when the job is canceled, exceeds a time limit, or its worker loses the lease. A loop that never waits must read `job.signal` again each time. */
  readonly signal: AbortSignal
  /**
   * Waits for a signal of a client (`POST /v1/jobs/{id}/signals/{name}`) and returns its payload. Where it has not come the attempt ends here: the job is
   * `blocked`, without a worker, slot or key, and the handler is called again from its beginning, with {@link restored} and the results of {@link once}, when the
   * signal has come or `timeoutMs` is over, which counts from the first time that the run waits. Until then the promise is not settled: no `catch` or `finally`
   * around it runs, and {@link signal} aborts with the code `parked`. What else the handler does at that moment is lost, so it should wait for nothing else.
   *
   * Of an array of 1 to 32 distinct names the first that came counts, which is the same at each later start, and the result is its name and payload. Do not
   * race waits instead (`Promise.race`): the one that has not come would park the job again.
   *
   * Only on the event loop. A second wait for one signal whose first is over has another `step`.
   *
   * @throws JobError `signal_timeout`, `not_on_event_loop`, `invalid_wait`
   */
  readonly waitForSignal: WaitForSignal
  /** `fraction` from 0 to 1. Never throws and never waits; when events come faster than Redis stores them, only the newest is kept. */
  readonly progress: (fraction: number, message?: string, data?: unknown) => void
  /** Adds a line to the job's log, which clients can read. Not for secrets. */
  readonly log: (message: string, level?: LogLevel) => void
  /** `fetch` behind the egress guard: refuses private addresses unless EGRESS_ALLOW_CIDRS allows them. Aborts with `signal`. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  /** Runs `fn` as a span of the job's trace: requests and spans inside it are its children. Only calls `fn` where there is no trace. Not for secrets. */
  readonly span: <T>(
    name: string,
    fn: () => T | Promise<T>,
    attributes?: Record<string, string | number | boolean>,
  ) => Promise<T>
}
