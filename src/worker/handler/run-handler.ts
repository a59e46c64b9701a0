import { setImmediate } from 'node:timers/promises'
import type { z } from 'zod'
import type { Job } from '../../jobs/define-job.ts'
import type { HandlerSpan } from '../../jobs/handler-span.ts'
import { PermanentError } from '../../jobs/job-error.ts'
import { type EmitJobEvent, isKeepRequest } from '../../jobs/job-event.ts'
import { describeFailure, type JobFailure } from '../../jobs/job-failure.ts'
import { pointerTo } from '../../jobs/json-pointer.ts'
import { parseBoundedValue } from '../../jobs/parse-value.ts'
import { redactorOf, secretPaths } from '../../jobs/secrets.ts'
import { type ContextParts, createJobContext } from './job-context.ts'
import type { StopSignal } from './stop-signal.ts'
import { stoppedError } from './stopped-error.ts'
import { toJson } from './to-json.ts'

export interface HandlerRun extends ContextParts {
  job: Job
}

/** How a handler that was not killed ended. */
export type HandlerOutcome = { status: 'returned'; output: unknown } | { status: 'threw'; failure: JobFailure }

/**
 * Runs a handler on the current thread: parse the input → run → check the output. Never rejects.
 *
 * Each value that a generator yields becomes an `output` event; the next one is requested when the receiver has kept up. When
 * `stop` aborts, no further value is requested, the generator's finally blocks run, and the run fails with the kind of the stop as
 * its code. An async function sees `stop` as its signal and decides itself how it ends.
 *
 * Where the input has secrets, they are replaced in events and in the message of a failure, and not in what it keeps.
 *
 * Failures other than the handler's own: `invalid_input`, and `invalid_output` for an output or a yielded value that the schema
 * refuses or that is not JSON. Neither is retryable.
 */
export async function runHandler(run: HandlerRun): Promise<HandlerOutcome> {
  const { job, attempt, stop } = run
  const redact = redactorOf(attempt.input, secretPaths(job.input))
  const emit: EmitJobEvent = redact ? (event) => run.emit(isKeepRequest(event) ? event : redact(event)) : run.emit
  const { emitSpan } = run
  const emitRedacted = redact && emitSpan ? (span: HandlerSpan) => emitSpan(redact(span)) : emitSpan
  const { context, end } = createJobContext({ ...run, emit, emitSpan: emitRedacted, fenceOrigins: job.fenceOrigins })
  try {
    if (stop.aborted) throw stoppedError(stop)
    const input = parse(job.input, attempt.input, '/input', 'invalid_input')
    const running = job.run(input, context)
    const returned = isGenerator(running) ? await drive(running, emit, stop) : await running
    return {
      status: 'returned',
      output: requireJson(parse(job.output, returned, '/output', 'invalid_output'), '/output'),
    }
  } catch (error) {
    const failure = describeThrown(error)
    return { status: 'threw', failure: redact ? { ...failure, message: redact(failure.message) } : failure }
  } finally {
    end()
  }
}

/** Schemas must be synchronous; a job type with an async schema does not load. */
function parse(schema: z.ZodType, value: unknown, base: string, code: string): unknown {
  const parsed = parseBoundedValue(schema, value)
  if (parsed.success) return parsed.data
  const [issue, ...more] = parsed.error.issues
  const rest = more.length > 0 ? ` (and ${more.length} more)` : ''
  throw new PermanentError(`${pointerTo(base, issue?.path ?? [])}: ${issue?.message ?? 'invalid'}${rest}`, { code })
}

function requireJson(value: unknown, base: string): unknown {
  const json = toJson(value, base)
  if (json.ok) return json.value
  throw new PermanentError(`${json.problem}, which is not JSON`, { code: 'invalid_output' })
}

type Generator = AsyncGenerator<unknown, unknown, undefined>

function isGenerator(running: ReturnType<Job['run']>): running is Generator {
  return typeof running === 'object' && running !== null && Symbol.asyncIterator in running && 'next' in running
}

/** A generator that never waits, with a receiver that is never behind, would otherwise starve the event loop. */
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
      const behind = emit({ kind: 'output', value: requireJson(step.value, '/value') })
      if (behind) await untilStoredOrStopped(behind, stop)
      else if (yields % yieldsBetweenPauses === 0) await setImmediate()
    }
  } finally {
    if (!isDone) await generator.return(undefined)
  }
  throw stoppedError(stop)
}

/** Not `Promise.race` with one promise for the stop: over many yields its reactions would pile up. */
function untilStoredOrStopped(stored: Promise<unknown>, stop: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stop.removeEventListener('abort', settle)
      resolve()
    }
    if (stop.aborted) settle()
    else stop.addEventListener('abort', settle)
    stored.then(settle, settle)
  })
}

/** {@link describeFailure} for any value: reading a property of what was thrown may throw itself. */
export function describeThrown(thrown: unknown): JobFailure {
  try {
    return describeFailure(thrown)
  } catch {
    return { code: 'job_failed', message: 'the handler threw a value that cannot be described', retryable: true }
  }
}
