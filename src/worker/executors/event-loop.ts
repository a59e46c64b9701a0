import type { EmitJobEvent } from '../../jobs/job-event.ts'
import type { AwaitAnswers } from '../../jobs/job-wait.ts'
import type { JobFetch } from '../handler/job-context.ts'
import { runHandler } from '../handler/run-handler.ts'
import { readStopRequest } from '../handler/stopped-error.ts'
import type { Executor, ExecutorLog, Outcome } from './executor.ts'

/**
 * Runs handlers in place, on this event loop, where nothing can kill them: a handler that has not ended `graceMs` after the stop is
 * `abandoned`. Its later events are dropped, and its late end is logged. One whose job is parked is left where it waits.
 *
 * The hot path of the worker: an empty job costs one listener on `stop` and no timer.
 */
export function createEventLoopExecutor({ fetch, log }: { fetch: JobFetch; log: ExecutorLog }): Executor {
  return {
    run({ job }, attempt, emit, stop, emitSpan, awaitAnswers, children) {
      if (stop.aborted) return Promise.resolve({ status: 'killed' })
      return new Promise((resolve) => {
        const fields = { job: attempt.id, type: attempt.type }
        let isAbandoned = false
        let isParked = false
        let timer: NodeJS.Timeout | undefined
        const abandon = () => {
          isAbandoned = true
          log.warn(fields, 'handler did not stop within its grace period; abandoned')
          resolve({ status: 'abandoned' })
        }
        const startGrace = () => {
          timer = setTimeout(abandon, readStopRequest(stop).graceMs)
        }
        const end = (outcome: Outcome) => {
          stop.removeEventListener('abort', startGrace)
          clearTimeout(timer)
          if (isParked) return
          if (isAbandoned) log.warn({ ...fields, outcome: outcome.status }, 'abandoned handler ended')
          else resolve(outcome)
        }
        stop.addEventListener('abort', startGrace, { once: true })
        const emitUnlessAbandoned: EmitJobEvent = (event) => (isAbandoned ? undefined : emit(event))
        const park: AwaitAnswers | undefined =
          awaitAnswers &&
          (async (waits, needed) => {
            const reply = await awaitAnswers(waits, needed)
            if (reply.status === 'parked') {
              end({ status: 'parked' })
              isParked = true
            }
            return reply
          })
        const parts = {
          emit: emitUnlessAbandoned,
          emitSpan,
          awaitAnswers: park,
          ...(children && { children: { children } }),
        }
        void runHandler({ job, attempt, stop, fetch, ...parts }).then(end)
      })
    },
  }
}
