import { expect, test, vi } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { ScheduleResource } from '../../src/api/schedules/schedule-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { tickRef } from '../../src/queue/schedules/schedule-record.ts'
import { ScheduleStore } from '../../src/queue/schedules/schedule-store.ts'
import { JobQueue } from '../../src/queue/store/job-queue.ts'
import { send } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

vi.setConfig({ testTimeout: 60_000 })

test.each([
  ['before it stored the job', false],
  ['after it stored the job', true],
])('when a process crashes after it took a tick, %s, another process stores one job', async (_, stores) => {
  const { api, env, addApi } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const store = new ScheduleStore({ redis, keys })
  // Late enough that the API is killed before.
  const tick = Date.now() + 3000
  const once = { start_at: new Date(tick).toISOString(), end_at: new Date(tick).toISOString() }
  const body = { every_ms: 60_000, ...once, overlap: 'skip', job: { type: 'echo', input: 1 } }
  expect((await send('PUT', `${api.url}/v1/schedules/once`, { body })).status).toBe(201)
  api.signal('SIGKILL')
  await api.ended

  // Acts like the process that crashes: takes the tick, stores its job or not, and stops.
  const [taken] = await waitFor(
    'the tick to be due',
    async () => (await store.takeDue()).due,
    ({ length }) => length === 1,
  )
  if (!taken) throw new Error('one tick is due')
  const ref = tickRef('io', taken.schedule, tick, taken.takenAt)
  if (stores) {
    const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
    const { type, attempts, record } = taken.schedule.definition.job
    await jobs.add({ ref, type, attempts, record, createdAt: taken.takenAt })
  }
  expect((await store.takeDue()).due).toEqual([])

  const heir = await addApi()
  const { body: after } = await waitFor(
    'the tick to fire',
    () => send<ScheduleResource>('GET', `${heir.url}/v1/schedules/once`),
    ({ status, body: read }) => status === 200 && read.last_run_at !== null,
  )
  expect(after).toMatchObject({ last_run_at: once.start_at, last_job_id: ref.id, next_run_at: null, skipped_runs: 0 })
  const listed = await send<{ items: JobResource[] }>('GET', `${heir.url}/v1/jobs`)
  expect(listed.body.items.map(({ id }) => id)).toEqual([ref.id])
})

test('when a process crashes while it fires a thousand in parts, another one goes on, and each stores one job', async () => {
  const { api, env, addApi } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const count = 1000
  // Late enough that all are put before.
  const tick = Date.now() + 15_000
  const once = { start_at: new Date(tick).toISOString(), end_at: new Date(tick).toISOString() }
  const body = { every_ms: 60_000, ...once, job: { type: 'echo', input: 1 } }
  const names = Array.from({ length: count }, (_, n) => `once-${n}`)
  const left = [...names]
  const putSome = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop())
      expect((await send('PUT', `${api.url}/v1/schedules/${name}`, { body })).status).toBe(201)
  }
  await Promise.all(Array.from({ length: 32 }, putSome))
  expect(Date.now()).toBeLessThan(tick)
  const stored = () => redis.zcard(keys.bull('io', 'prioritized'))
  await waitFor('the first part to be stored', stored, (jobs) => jobs > 250, { everyMs: 1, withinMs: 20_000 })
  api.signal('SIGKILL')
  await api.ended
  expect(await stored()).toBeLessThan(count)
  expect(await redis.zcard(keys.dueSchedules)).toBeGreaterThan(0)

  const heir = await addApi()
  await waitFor(
    'all to be advanced',
    () => redis.zcard(keys.dueSchedules),
    (due) => due === 0,
    { withinMs: 30_000 },
  )
  const ids = new Set(await redis.zrange(keys.bull('io', 'prioritized'), '0', '-1'))
  expect(ids.size).toBe(count)
  const lastJobs = await Promise.all(
    names.map((name) => send<ScheduleResource>('GET', `${heir.url}/v1/schedules/${name}`)),
  )
  expect(new Set(lastJobs.map(({ body: { last_job_id: id } }) => id))).toEqual(ids)
})
