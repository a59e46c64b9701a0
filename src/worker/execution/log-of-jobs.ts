import type { Logger } from 'pino'
import type { JobEvent } from '../../jobs/job-event.ts'
import type { LeasedJob } from '../../queue/consume/attempt.ts'

/** A line that a handler logged. */
type LogLine = Extract<JobEvent, { kind: 'log' }>

/** Writes what handlers log also as lines of the log of their worker, whatever level that has: for collectors of logs. */
export function logOfJobs(log: Logger): (job: Pick<LeasedJob, 'ref' | 'type'>, line: LogLine) => void {
  const all = log.child({ from: 'job' }, { level: 'debug' })
  return ({ ref, type }, { level, message, attempt }) => all[level]({ job: ref.id, type, attempt }, message)
}
