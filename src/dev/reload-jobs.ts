import { setTimeout as sleep } from 'node:timers/promises'
import { catalogDir, type JobType, readJobTypes } from './job-types.ts'
import { describeChange } from './loaded-types.ts'
import type { Plan } from './plan.ts'
import type { Roles } from './roles.ts'
import { NeverReadyError } from './running.ts'
import { nextChange } from './watch-files.ts'

/** One save causes several events, and a checkout changes several files. */
const settleMs = 100

/** Loads changed job files again, until `signal` aborts. Broken files change nothing: the running processes keep what they loaded. */
export async function reloadJobs(options: {
  folder: string
  plan: Plan
  roles: Roles
  print: (line: string) => void
  signal: AbortSignal
}): Promise<void> {
  const { folder, plan, roles, print, signal } = options
  const folders = [catalogDir, ...(plan.jobsDir === undefined ? [] : [plan.jobsDir])]
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  let loaded: JobType[] = plan.jobTypes
  let change = nextChange(folders)
  try {
    for (;;) {
      await Promise.race([change.happened, aborted])
      if (!signal.aborted) await sleep(settleMs)
      change.close()
      // Before the files are read, so that a change meanwhile counts too.
      change = nextChange(folders)
      if (signal.aborted) return
      loaded = await reloadOnce(loaded)
    }
  } finally {
    change.close()
  }

  async function reloadOnce(before: JobType[]): Promise<JobType[]> {
    const read = await readJobTypes(folder, plan.env)
    if (signal.aborted) return before
    if (read.status === 'broken') {
      for (const mistake of read.mistakes) print(mistake)
      print('the job files are not loaded: the processes go on with what they loaded before')
      return before
    }
    print(`job files changed, loading them again (${describeChange(before, read.types)})`)
    try {
      await roles.reload(read.types)
      print('loaded; jobs that run in the previous workers end there')
      return read.types
    } catch (error) {
      if (signal.aborted) return before
      if (!(error instanceof NeverReadyError)) throw error
      print(error.message)
      return before
    }
  }
}
