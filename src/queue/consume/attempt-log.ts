import type { Logger } from 'pino'
import type { FetchedJob } from '../bullmq/fetched-job.ts'
import { decodeFailure } from '../model/failure.ts'
import { requestOf } from '../model/job-record.ts'
import type { Settlement } from './attempt.ts'

/** `undefined`: it ended without being started here. */
type Unsuccessful = Exclude<Settlement, { status: 'succeeded' }> | undefined

/** Logs what happens to the attempts of jobs: at debug each start and end, above that what an operator looks for. The logger names the worker. */
export class AttemptLog {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  /** A worker has fetched a job. */
  fetched(job: FetchedJob): void {
    const { lostWorker } = job
    if (lostWorker !== undefined)
      this.#log.warn({ ...fieldsOf(job), lost_worker: lostWorker }, 'a worker was lost while it ran this job')
  }

  started(job: FetchedJob): void {
    if (this.#log.isLevelEnabled('debug')) this.#log.debug(fieldsOf(job), 'attempt started')
  }

  succeeded(job: FetchedJob): void {
    if (this.#log.isLevelEnabled('debug')) this.#log.debug({ ...fieldsOf(job), outcome: 'succeeded' }, 'attempt ended')
  }

  /** To be asked for before the job is moved, which counts its attempt. @returns logs the end of the attempt when it is recorded */
  ending(job: FetchedJob): (settlement: Unsuccessful) => void {
    const fields = fieldsOf(job)
    return (settlement) => {
      if (settlement === undefined) {
        const { code, message } = decodeFailure(job.failsWith ?? '', job.attempt)
        return this.#log.info({ ...fields, error: { code, message } }, 'job ended without a start')
      }
      const { status } = settlement
      this.#log.debug({ ...fields, outcome: status }, 'attempt ended')
      if (status === 'put_back' && settlement.hasStarted !== false)
        this.#log.info(fields, 'job was put back: its worker is stopping, no attempt is used up')
      if (status !== 'failed') return
      const { failure, retryDelayMs: retry_in_ms, isUnrun } = settlement
      // That it was not run has a line of its own, which says what to set.
      if (failure.code === 'unknown_job_record') return
      const error = { code: failure.code, message: failure.message }
      const isOver = job.finishedOn !== undefined
      this.#log.info(
        { ...fields, error, ...(!isOver && { retry_in_ms }) },
        isUnrun ? 'job ended without a start' : 'attempt failed',
      )
    }
  }
}

function fieldsOf({ ref, name: type, attempt, data }: FetchedJob): Record<string, unknown> {
  return { job: ref.id, type, attempt, ...requestOf(data) }
}
