import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import { type Job, PermanentError } from '../../jobs/define-job.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import { describeFailure, type JobFailure } from '../../jobs/job-failure.ts'
import { type ContextParts, createJobContext } from './job-context.ts'
import type { StopSignal } from './stop-signal.ts'
import { stoppedError } from './stopped-error.ts'
import { toJson } from './to-json.ts'

export interface HandlerRun extends ContextParts {
  job: Job
}

/** How a handler ends by itself. */
export type HandlerOutcome = { status: 'returned'; output: unknown } | { status: 'threw'; failure: JobFailure }

/**
 * Runs a handler in place, on whichever thread this is: parse the input → run → check the output. Never rejects.
 *
 * A generator is pulled one value at a time: each is emitted as an `output` event, and the next is pulled when the receiver
 * has kept up. When `stop` aborts, no more is pulled and its finally blocks run; it has then failed with the kind of the stop
 * as its code. Anything else learns of `stop` by its own signal and decides itself how it ends.
 *
 * Failures beside the handler's own: `invalid_input`, and `invalid_output` for an output or a yielded value that the schema
 * refuses or that is not JSON. Neither is retryable.
 */
export async function runHandler(run: HandlerRun): Promise<HandlerOutcome> {
  const { job, attempt, stop, emit } = run
  const { context, end } = createJobContext(run)
  try {
    if (stop.aborted) throw stoppedError(stop)
    const input = parse(job.input, attempt.input, 'input')
    const running = job.run(input, context)
    const returned = isGenerator(running) ? await drive(running, emit, stop) : await running
    return { status: 'returned', output: requireJson(parse(job.output, returned, 'output'), 'output') }
  } catch (error) {
    return { status: 'threw', failure: describeThrown(error) }
  } finally {
    end()
  }
}

/** Schemas must be synchronous, as they must where the job is loaded. */
function parse(schema: z.ZodType, value: unknown, name: 'input' | 'output'): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue, ...more] = parsed.error.issues
  const where = [name, ...(issue?.path ?? []).map(String)].join('.')
  const rest = more.length > 0 ? ` (and ${more.length} more)` : ''
  throw new PermanentError(`${where}: ${issue?.message ?? 'invalid'}${rest}`, { code: `invalid_${name}` })
}

function requireJson(value: unknown, name: string): unknown {
  const json = toJson(value, name)
  if (json.ok) return json.value
  throw new PermanentError(`${json.problem}, which is not JSON`, { code: 'invalid_output' })
}

type Generator = AsyncGenerator<unknown, unknown, undefined>

function isGenerator(running: ReturnType<Job['run']>): running is Generator {
  return typeof running === 'object' && running !== null && Symbol.asyncIterator in running && 'next' in running
}

/** A generator that never waits, before a receiver that is never behind, would starve the event loop without a pause. */
const yieldsBetweenPauses = 64

async function drive(generator: Generator, emit: EmitJobEvent, stop: StopSignal): Promise<unknown> {
  let isDone = false
  try {
    for (let yields = 1; !stop.aborted; yields++) {
      const step = await generator.next()
      if (step.done) {
        isDone = true
        return step.value
      }
      if (stop.aborted) break
      const behind = emit({ kind: 'output', value: requireJson(step.value, 'yielded value') })
      if (behind) await untilTakenOrStopped(behind, stop)
      else if (yields % yieldsBetweenPauses === 0) await setImmediate()
    }
  } finally {
    if (!isDone) await generator.return(undefined)
  }
  throw stoppedError(stop)
}

/** Not `Promise.race`: over many yields that would pile up reactions on the one promise that stands for the stop. */
function untilTakenOrStopped(taken: Promise<void>, stop: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stop.removeEventListener('abort', settle)
      resolve()
    }
    if (stop.aborted) settle()
    else stop.addEventListener('abort', settle)
    taken.then(settle, settle)
  })
}

/** {@link describeFailure} for anything at all: what is thrown may itself throw when looked at. */
export function describeThrown(thrown: unknown): JobFailure {
  try {
    return describeFailure(thrown)
  } catch {
    return { code: 'job_failed', message: 'the handler threw something that cannot be described', retryable: true }
  }
}
