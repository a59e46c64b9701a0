import type { FastifyInstance } from 'fastify'
import type { RouteDeps } from '../deps.ts'
import { cancelJob } from './cancel-job.ts'
import { changeJob } from './change-job.ts'
import { deleteJob } from './delete-job.ts'
import { exampleJob } from './examples.ts'
import { explainJob } from './explain-job.ts'
import { jobSchema } from './job-resource.ts'
import { listFailures } from './list-failures.ts'
import { listJobs } from './list-jobs.ts'
import { readJob } from './read-job.ts'
import { readJobInput } from './read-job-input.ts'
import { readJobLogs } from './read-job-logs.ts'
import { readJobOutput } from './read-job-output.ts'
import { readJobValues } from './read-job-values.ts'
import { replayJob } from './replay-job.ts'
import { retryJob } from './retry-job.ts'
import { runJob } from './run-job.ts'
import { signalJob } from './signal-job.ts'
import { streamJobEvents } from './stream-job-events.ts'
import { submitBatch } from './submit-batch.ts'
import { submitJob } from './submit-job.ts'

/** Everything below `/v1/jobs`, except for deliveries. */
export function jobRoutes(app: FastifyInstance, deps: RouteDeps): void {
  deps.schemas.add(jobSchema, { id: 'Job', description: 'A job at one moment', examples: [exampleJob] })
  submitJob(app, deps)
  submitBatch(app, deps)
  runJob(app, deps)
  listJobs(app, deps)
  listFailures(app, deps)
  readJob(app, deps)
  explainJob(app, deps)
  changeJob(app, deps)
  signalJob(app, deps)
  cancelJob(app, deps)
  retryJob(app, deps)
  replayJob(app, deps)
  deleteJob(app, deps)
  readJobLogs(app, deps)
  readJobInput(app, deps)
  readJobOutput(app, deps)
  readJobValues(app, deps)
  streamJobEvents(app, deps)
}
