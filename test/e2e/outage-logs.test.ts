import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

type Line = Record<string, unknown>

const linesOf = (logs: readonly Line[], msg: string): Line[] => logs.filter((line) => line['msg'] === msg)

/** Refused calls, 80 a second, until `isOver`. @returns how many */
async function refuseCalls(url: string, isOver: () => boolean): Promise<number> {
  let calls = 0
  while (!isOver()) {
    const statuses = await Promise.all(
      Array.from({ length: 8 }, () => submit(url, 'echo', 1).then((one) => one.status)),
    )
    expect(new Set(statuses)).toEqual(new Set([503]))
    calls += statuses.length
    await sleep(100)
  }
  return calls
}

test.skipIf(!canOwnRedis)(
  'an outage is a line when it begins, one each ten seconds with counts by kind, and one when it ends',
  async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const { api, workers } = await startStack({ env: { REDIS_URL: redis.url } })
    const worker = workers[0]?.logs ?? []
    const [apiBefore, workerBefore] = [api.logs.length, worker.length]
    await redis.stop()
    const isCounted = (logs: readonly Line[]) => linesOf(logs, 'redis is unavailable').length > 0
    const calls = await refuseCalls(api.url, () => isCounted(api.logs) && isCounted(worker))
    await redis.start()
    for (const logs of [api.logs, worker]) {
      await waitFor(
        'the end of the outage',
        () => linesOf(logs, 'redis is available again').length,
        (count) => count === 1,
        { withinMs: 60_000 },
      )
    }

    const about = api.logs.slice(apiBefore)
    expect(about[0]).toMatchObject({
      level: 40,
      msg: 'redis connection lost',
      err: { message: expect.stringMatching(/ECONNREFUSED|ECONNRESET|closed/i) },
    })
    const [ended] = linesOf(about, 'redis is available again')
    const counted = [...linesOf(about, 'redis is unavailable'), ...linesOf(about, 'redis is available again')]
    const refused = counted.map(({ failures }) => Number(Object(failures).queue_unavailable ?? 0))
    expect(refused.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(calls - 1)
    expect(ended).toMatchObject({ level: 30, outage_ms: expect.any(Number), failures_in_all: expect.any(Number) })
    expect(about.length).toBeLessThanOrEqual(8)
    expect(JSON.stringify(about)).not.toContain('stack')
    expect(JSON.stringify(about).length).toBeLessThan(5000)
    expect(linesOf(worker.slice(workerBefore), 'redis connection lost')).toHaveLength(1)
    expect(linesOf(worker.slice(workerBefore), 'queue error').length).toBeLessThanOrEqual(1)
    // Bare text on stdout would have failed the helper that parses it.
    expect([...api.stderr, ...(workers[0]?.stderr ?? [])]).toEqual([])
  },
)

test('what handlers and libraries print becomes lines of the log, each with one pid', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(
    join(dir, 'print.ts'),
    `import { defineJob } from 'drover'
    import { z } from 'zod'
    export default defineJob({
      type: 'print', title: 'Print', runsOn: 'event-loop', input: z.null(), output: z.null(),
      async run() {
        console.log('printed %s', 'this')
        console.error(new Error('and that'))
        process.emitWarning('take care')
        return null
      },
    })`,
  )
  const { api, workers } = await startStack({ env: { JOBS_DIR: dir } })
  expect((await submit(api.url, 'print', null, { waitS: 10 })).body.state).toBe('succeeded')
  const logs = workers[0]?.logs ?? []
  const find = (text: string) => logs.find((line) => String(line['msg']).includes(text))
  await waitFor(
    'the warning',
    () => find('take care'),
    (line) => line !== undefined,
  )
  const pid = workers[0]?.pid
  expect(find('printed this')).toMatchObject({ level: 30, pid, role: 'worker', source: 'console' })
  expect(find('Error: and that')).toMatchObject({ level: 40, pid, source: 'console' })
  expect(find('take care')).toMatchObject({ level: 40, pid, source: 'node' })
  expect(workers[0]?.stderr).toEqual([])
})

test('ACCESS_LOG=1 logs each answer with the address, tenant, route, status, duration and job', async () => {
  const key = makeKey('acme')
  const { path } = await keysFile([key])
  const { api } = await startStack({ workers: 0, env: { ACCESS_LOG: '1', API_KEYS_FILE: path } })
  const submitted = await send<{ id: string }>('POST', `${api.url}/v1/jobs`, {
    body: { type: 'echo', input: 1 },
    headers: key.headers,
  })
  const unknown = await send('GET', `${api.url}/v1/jobs`)
  const lineOf = (answer: { headers: Headers }) =>
    waitFor(
      'its line',
      () =>
        api.logs.find(
          (line) => line['request_id'] === answer.headers.get('request-id') && line['status'] !== undefined,
        ),
      (line) => line !== undefined,
    )
  expect(await lineOf(submitted)).toMatchObject({
    level: 30,
    msg: 'answered',
    address: '127.0.0.1',
    tenant: 'acme',
    method: 'POST',
    route: '/v1/jobs',
    status: 202,
    duration_ms: expect.any(Number),
    job: submitted.body.id,
  })
  const refused = await lineOf(unknown)
  expect(refused).toMatchObject({ msg: 'refused', address: '127.0.0.1', status: 401, code: 'unauthenticated' })
  expect(refused).not.toHaveProperty('tenant')
})

test('without an access log many refusals are counted by code', async () => {
  const { api } = await startStack({ workers: 0 })
  for (let n = 0; n < 15; n++) {
    await Promise.all(Array.from({ length: 10 }, () => send('GET', `${api.url}/v1/jobs/io_nothing`)))
  }
  api.signal('SIGTERM')
  await api.ended
  const isRefused = ({ status }: Line) => status === 404
  expect(api.logs.filter(isRefused).length).toBeLessThan(150)
  expect(api.logs.filter(isRefused).length).toBeGreaterThanOrEqual(100)
  const counted = api.logs.flatMap(({ refusals }) => Number(Object(refusals).job_not_found ?? 0))
  expect(api.logs.filter(isRefused).length + counted.reduce((sum, count) => sum + count, 0)).toBe(150)
})
