/** Time to return 100 running jobs to their queues: at most half a second of it for handlers that do not end when asked. */
const returnMs = 2000
const jobsInThatTime = 100
/** One core that others use as well returns 601 jobs in about two seconds. */
const msPerFurtherJob = 5

/** How long a worker may take to stop, in ms: the grace of its running jobs, and the return of as many as it can run to their queues. */
export function workerStopMs(config: {
  SHUTDOWN_GRACE_MS: number
  WORKER_QUEUES: ReadonlyMap<string, number>
}): number {
  const jobs = [...config.WORKER_QUEUES.values()].reduce((sum, each) => sum + each, 0)
  return config.SHUTDOWN_GRACE_MS + returnMs + msPerFurtherJob * Math.max(0, jobs - jobsInThatTime)
}
