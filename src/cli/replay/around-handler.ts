import type { Job } from '../../jobs/define-job.ts'
import type { JobContext } from '../../jobs/job-context.ts'
import { PermanentError } from '../../jobs/job-error.ts'

type JobFetch = JobContext['fetch']

/** `fetch` that sends GET alone: a request that changes something was sent by the job before. */
export const readOnly =
  (fetch: JobFetch): JobFetch =>
  async (url, init) => {
    const method = (init?.method ?? 'GET').toUpperCase()
    if (method === 'GET') return fetch(url, init)
    throw new PermanentError(`a replay sends no ${method} request unless --live is given`, { code: 'replay_refused' })
  }

/** Waits for a debugger at `port`, if there is one, and lets it stop where the handler begins. The job itself where there is no debugger. */
export async function debugged(job: Job, port: number | undefined): Promise<Job> {
  const inspector = await import('node:inspector')
  if (port !== undefined && inspector.url() === undefined) inspector.open(port, '127.0.0.1', true)
  if (inspector.url() === undefined) return job
  return {
    ...job,
    run(input, context) {
      // Step into the next line: it calls the handler.
      // oxlint-disable-next-line no-debugger -- what the flag is for
      debugger
      return job.run(input, context)
    },
  }
}
