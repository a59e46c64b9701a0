import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { keepWorkers } from '../ledger/keep-workers.ts'
import { startScenario } from '../ledger/scenario.ts'

/** More than the waits of a test together. */
const patience = { timeout: 180_000 }

/** A stack with a job type that blocks the event loop, at its first start alone. */
async function startWithBlocker(lockMs: number) {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(
    join(dir, 'blocker.ts'),
    `import { existsSync, writeFileSync } from 'node:fs'
     import { defineJob } from 'drover'
     import { z } from 'zod'
     export default defineJob({ type: 'blocker', title: 'Blocks once', runsOn: 'event-loop', input: z.int(), output: z.null(),
       async run(ms) {
         const mark = ${JSON.stringify(join(dir, 'started'))}
         if (existsSync(mark)) return null
         writeFileSync(mark, '')
         for (const end = Date.now() + ms; Date.now() < end; );
         return null
       } })`,
  )
  const env = { JOBS_DIR: dir, LOCK_MS: String(lockMs), WORKER_QUEUES: 'io:20', LOG_LEVEL: 'debug' }
  const stack = await startStack({ env })
  const redis = await redisClient()
  const keys = new Keys(stack.env['KEY_PREFIX'] ?? '')
  const field = (id: string, name: string) => redis.hget(keys.job({ queue: 'io', id }), name)
  return { ...stack, field }
}

type Blocked = Awaited<ReturnType<typeof startWithBlocker>>

async function submitBeside({ api, workers }: Blocked, sleepMs: number, blockMs: number): Promise<string[]> {
  const apiUrl = api.url
  // The thread that renews leases starts with the first job.
  await submit(apiUrl, 'echo', 1)
  const isRenewed = () => workers[0]?.logs.some(({ msg }) => String(msg).includes('renews leases')) ?? false
  await waitFor('the thread', isRenewed, Boolean)
  const sleep = () => submit(apiUrl, 'sleep', { duration_ms: sleepMs })
  const neighbours = await Promise.all(Array.from({ length: 8 }, sleep))
  const ids = neighbours.map(({ body }) => body.id)
  await waitFor(
    'the neighbours to run',
    () => Promise.all(ids.map((id) => read(apiUrl, id))),
    (all) => all.every(({ body }) => body.state === 'running'),
  )
  const blocker = await submit(apiUrl, 'blocker', blockMs)
  return [...ids, blocker.body.id]
}

test('a blocked event loop loses no leases: each job beside it starts once', patience, async () => {
  const stack = await startWithBlocker(1000)
  const { api, addWorker, workers } = stack
  const ids = await submitBeside(stack, 3000, 2500)
  // It looks for jobs whose worker has vanished.
  const [other] = await Promise.all([
    addWorker(),
    waitFor(
      'the block',
      () => read(api.url, ids.at(-1) ?? ''),
      ({ body }) => body.state === 'running',
    ),
  ])
  for (const id of ids) expect((await read(api.url, id, 20)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
  for (const id of ids) expect((await read(api.url, id)).body.attempts, id).toHaveLength(1)
  expect([...workers, other].flatMap(({ logs }) => logs.filter(({ msg }) => String(msg).includes('vanished')))).toEqual(
    [],
  )
})

test('the jobs of a loop that is blocked for too long come back once, and its worker exits', patience, async () => {
  const stack = await startWithBlocker(1000)
  const { api, addWorker, workers, field } = stack
  const ids = await submitBeside(stack, 3000, 30_000)
  await addWorker()
  const from = Date.now()
  for (const id of ids) expect((await read(api.url, id, 20)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
  // Three leases until they are given up, less than one until they are found, and their own time.
  expect(Date.now() - from).toBeLessThan(25_000)
  for (const id of ids) expect((await read(api.url, id)).body.attempts, id).toHaveLength(2)
  // Only the job that blocked it has lost a worker; the others went back at once.
  const blocker = ids.at(-1) ?? ''
  for (const id of ids) expect(await field(id, 'stc'), id).toBe(id === blocker ? '1' : null)
  expect(workers[0]?.logs).toContainEqual(
    expect.objectContaining({
      leases: ids.length,
      blocked_by: [blocker],
      msg: expect.stringContaining('gave up the leases'),
    }),
  )
  expect(await workers[0]?.ended).toBe('SIGKILL')
  expect(workers[0]?.logs.at(-1)).toMatchObject({ msg: expect.stringContaining('exiting') })
  expect(Number((await field(blocker, 'blockedWorker'))?.split(' ')[1])).toBeGreaterThan(3000)
})

test('the first job of a worker keeps its lease although it blocks the event loop at once', patience, async () => {
  const { api, addWorker } = await startWithBlocker(4000)
  const { body } = await submit(api.url, 'blocker', 10_000)
  await addWorker()
  expect((await read(api.url, body.id, 20)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect((await read(api.url, body.id)).body.attempts).toHaveLength(1)
})

test(
  'a job that blocks every worker for good fails and says so, and thirty jobs beside it are not held up',
  patience,
  async () => {
    const scenario = await startScenario('loop blocked for good', { lockMs: 1500 })
    const kept = keepWorkers(scenario)
    const beside = await Promise.all(
      Array.from({ length: 30 }, () => scenario.mustSubmit('event-loop', { ms: 1000, how: 'wait' })),
    )
    await Promise.all(beside.map((id) => scenario.started(id)))
    const from = Date.now()
    const blocker = await scenario.mustSubmit('event-loop', { ms: 600_000, how: 'compute' })
    // Each worker that the job blocks gives its jobs up after 4.5 s, and there are four.
    const ends = await waitFor(
      'the end of the thirty',
      () => Promise.all(beside.map((id) => scenario.read(id))),
      (answers) => answers.every(({ body }) => body.done),
      { withinMs: 80_000, everyMs: 500 },
    )
    console.log(`  thirty neighbours ended after ${Date.now() - from} ms`)
    for (const { body } of ends) expect(body).toMatchObject({ state: 'succeeded', attempt: 1 })
    const { body } = await waitFor(
      'the end of the blocker',
      () => scenario.read(blocker, 10),
      (answer) => answer.body.done,
      { withinMs: 60_000 },
    )
    expect(body).toMatchObject({
      state: 'failed',
      error: { code: 'stalled', message: expect.stringContaining('blocked') },
    })
    await kept.stop()
  },
)
