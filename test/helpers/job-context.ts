import type { Job, JobContext } from '../../src/jobs/define-job.ts'
import { createEgress } from '../../src/worker/egress/egress.ts'

export interface StartedJob {
  /** The output, parsed by its schema. */
  readonly done: Promise<unknown>
  readonly progress: { fraction: number; message: string | undefined }[]
  readonly yields: unknown[]
  readonly logs: string[]
  readonly checkpoints: unknown[]
  abort(reason?: unknown): void
}

export interface StartOptions {
  allowCidrs?: string[]
  /** What an earlier start has kept. */
  restored?: unknown
  /** Called after each progress event was recorded. */
  onProgress?: (fraction: number) => void
}

/** Runs a handler in this process. Schemas parse input and output; `fetch` has the real egress guard with loopback allowed. */
export function startJob(job: Job, input: unknown, options: StartOptions = {}): StartedJob {
  const parsed = job.input.parse(input)
  const stop = new AbortController()
  const egress = createEgress({ allowCidrs: options.allowCidrs ?? ['127.0.0.0/8', '::1/128'] })
  const progress: StartedJob['progress'] = []
  const yields: unknown[] = []
  const logs: string[] = []
  const checkpoints: unknown[] = []
  const context: JobContext = {
    id: 'test',
    type: job.type,
    tenant: '-',
    attempt: 1,
    maxAttempts: job.attempts,
    fence: 1,
    restored: options.restored,
    checkpoint: async (state) => void checkpoints.push(state),
    once: async (_, fn) => fn(),
    waitForSignal: async (name: unknown) => Promise.reject(new Error(`no signal ${String(name)}`)),
    run: async (type: unknown) => Promise.reject(new Error(`no child ${String(type)}`)),
    start: async () => Promise.reject(new Error('no children')),
    gather: async () => Promise.reject(new Error('no children')),
    signal: stop.signal,
    progress(fraction, message) {
      progress.push({ fraction, message })
      options.onProgress?.(fraction)
    },
    log: (message) => logs.push(message),
    fetch: egress.fetch,
    span: async (_, fn) => fn(),
  }
  const done = (async () => {
    try {
      const running = job.run(parsed, context)
      return job.output.parse(Symbol.asyncIterator in running ? await drain(running, yields) : await running)
    } finally {
      await egress.close()
    }
  })()
  return { done, progress, yields, logs, checkpoints, abort: (reason) => stop.abort(reason) }
}

/** Runs a handler that must succeed, and returns its output. */
export async function runJob(job: Job, input: unknown, options?: StartOptions): Promise<unknown> {
  return startJob(job, input, options).done
}

async function drain(generator: AsyncGenerator<unknown, unknown, undefined>, yields: unknown[]): Promise<unknown> {
  for (;;) {
    const step = await generator.next()
    if (step.done) return step.value
    yields.push(step.value)
  }
}
