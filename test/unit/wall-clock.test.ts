import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** The files that read the wall clock of their machine, and why neither `redisNow()` nor a monotonic clock will do. */
const readers: Record<string, string> = {
  'queue/model/redis-time.ts': 'compares it with the clock of Redis',
  'queue/redis/redis-clock.ts': 'reports how far it is off',
  'queue/bullmq/fetch-ahead.ts': "BullMQ's loop waits by it",
  'queue/consume/lease-thread.ts': 'time of a line in the log of the process',
  'worker/handler/job-context.ts': 'time of a line of a job, translated where it is stored',
  'worker/executors/child/child.ts': '…',
  'worker/executors/child/event-outbox.ts': '…',
  'api/access/auth.ts': 'keys expire at a time of the calendar',
  'api/access/held-answers.ts': '…',
  'cli/keys/list-keys.ts': '…',
  'api/operations/operation-runner.ts': 'keys expire at a time of the calendar',
  'cli/flags.ts': 'two hours ago, as its user counts them',
  'cli/server/doctor.ts': 'compares it with the clock of the server',
  'cli/jobs/list.ts': 'the age of a job, as its user counts it',
  'jobs/web/http-response.ts': 'the time in Retry-After is one of the calendar',
  'client/errors.ts': '…',
}

test('only the files that are listed read the wall clock: times in Redis follow the clock of Redis, durations the monotonic clock', () => {
  const src = join(import.meta.dirname, '../../src')
  // Browsers have no other clock.
  const ours = globSync('**/*.ts', { cwd: src }).filter((file) => !file.startsWith('dashboard/'))
  const found = ours.filter((file) =>
    /\bDate\.now\b|\bnew Date\(\)/.test(readFileSync(join(src, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')),
  )
  expect(found.toSorted()).toEqual(Object.keys(readers).toSorted())
})
