import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const limit = 2

/** The most attempts that ran at one moment; one of a killed worker until its lease was over. */
function runningAtOnce(jobs: JobResource[]): number {
  const changes = jobs.flatMap(({ attempts }) =>
    attempts.flatMap(({ started_at: from, ended_at: to }) => [
      { at: Date.parse(from ?? ''), by: 1 },
      { at: Date.parse(to ?? ''), by: -1 },
    ]),
  )
  let [now, most] = [0, 0]
  // At one ms an end comes before the start that it lets in.
  for (const { by } of changes.toSorted((a, b) => a.at - b.at || a.by - b.by)) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

test('workers that are killed leave no slot behind, and no more jobs of a key run than may', {
  timeout: 180_000,
}, async () => {
  const stack = await startStack({ workers: 2, env: { LOCK_MS: '3000' } })
  const { api, workers, env, addWorker } = stack
  const concurrency = { key: 'account', limit }
  const ids: string[] = []
  for (let n = 0; n < 10; n++) {
    const rate = { key: 'api', limit: 50, per_ms: 1000, burst: 5 }
    const { body } = await submit(
      api.url,
      'sleep',
      { duration_ms: 300 },
      { concurrency, attempts: 9, ...(n % 2 === 0 && { rate }) },
    )
    ids.push(body.id)
  }
  const jobs = () => Promise.all(ids.map((id) => read(api.url, id)))
  const ended = async () => (await jobs()).filter(({ body }) => body.done).length
  // While some run, some are held, and some have ended.
  const slowly = { withinMs: 60_000, everyMs: 200 }
  await waitFor('the first ends', ended, (count) => count >= 2, slowly)
  workers[0]?.signal('SIGKILL')
  await addWorker()
  await waitFor('more ends', ended, (count) => count >= 5, slowly)
  workers[1]?.signal('SIGKILL')
  await waitFor('all ends', ended, (count) => count === ids.length, slowly)
  const all = (await jobs()).map(({ body }) => body)
  expect(all.map(({ state }) => state)).toEqual(ids.map(() => 'succeeded'))
  expect(runningAtOnce(all)).toBeLessThanOrEqual(limit)

  const { body: queue } = await send<{ counts: Record<string, number> }>('GET', `${api.url}/v1/queues/io`)
  expect(queue.counts).toMatchObject({ queued: 0, held: 0, running: 0 })
  // The sweep forgets what nobody needs.
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const left = () => Promise.all([redis.hget(keys.bull('io', 'meta'), 'drover.limits'), redis.exists(keys.busy('io'))])
  await waitFor('an unlimited queue', left, ([flag, busy]) => flag === null && busy === 0, slowly)
})
