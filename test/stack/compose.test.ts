import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { LedgerReader } from '../ledger/ledger-file.ts'
import { recordStoredEnds } from '../ledger/stored-ends.ts'
import { ComposeStack } from './compose-stack.ts'
import { docker, lines, noDocker } from './docker.ts'

if (noDocker !== undefined) console.log(`skipped: the compose stack (${noDocker})`)

const greet = `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'greet',
    title: 'Greet somebody',
    runsOn: 'event-loop',
    input: z.object({ name: z.string() }),
    output: z.object({ text: z.string() }),
    run: async ({ name }) => ({ text: 'hello ' + name }),
  })`

/** Kills every Node.js process in a container, like a crash. Its init process ends with them. */
const crash =
  'for one in /proc/[0-9]*; do if [ $one/exe -ef /usr/local/bin/node ]; then kill -KILL ${one#/proc/}; fi; done'

describe.skipIf(noDocker !== undefined)('the compose stack', () => {
  let stack: ComposeStack

  beforeAll(async () => {
    // Short leases, so that the jobs of a killed worker are redelivered soon.
    stack = await ComposeStack.build({ LOCK_MS: '3000', SHUTDOWN_GRACE_MS: '2000' })
    await writeFile(join(stack.jobsFolder, 'greet.ts'), greet)
    await stack.up({ io: 1, cpu: 1 })
  })
  afterAll(() => stack?.close())

  test('runs without root rights, on a read-only root file system', async () => {
    for (const service of ['api', 'worker-io', 'worker-cpu']) {
      const [id = ''] = await stack.containers(service)
      expect(await docker('exec', id, 'id', '-u'), service).toBe('1000')
      expect(await docker('exec', id, 'grep', 'CapEff', '/proc/self/status')).toMatch(/\b0{16}$/)
      await expect(docker('exec', id, 'touch', '/drover/src/x'), service).rejects.toThrow('Read-only file system')
    }
    const [redis = ''] = await stack.containers('redis')
    expect(await docker('exec', redis, 'id', '-u')).toBe('999')
  })

  test('runs jobs on every executor through its published port, and streams their progress', async () => {
    const cases = [
      ['sleep', { duration_ms: 600, steps: 3 }, { slept_ms: 600 }, 3],
      ['count-primes', { limit: 5_000_000 }, { count: 348_513, largest: 4_999_999 }, undefined],
      ['burn-cpu-isolated', { duration_ms: 300, steps: 3 }, { burned_ms: expect.any(Number) }, 3],
      ['greet', { name: 'Ada' }, { text: 'hello Ada' }, 0],
    ] as const
    for (const [type, input, output, steps] of cases) {
      const { status, body } = await submit(stack.url, type, input)
      expect(status, type).toBe(202)
      const events = await watchToEnd(stack.url, body.id, 0)
      const progress = events.filter(({ event }) => event === 'progress')
      if (steps !== undefined) expect(progress, type).toHaveLength(steps)
      else expect(progress.length, type).toBeGreaterThan(0)
      expect(events.at(-1), type).toMatchObject({ event: 'done', data: { state: 'succeeded', output } })
    }
  })

  test('with more workers, killed workers and a restart of Redis under load, every accepted job ends once', async () => {
    const ends = await followEnds(stack.redisUrl)
    const load = startLoad(stack.url, 6)

    await stack.up({ io: 2, cpu: 3 })
    await workersOf('cpu', 3)

    // Docker does not restart a container after docker kill.
    const [victim = ''] = await stack.containers('worker-cpu')
    await docker('kill', victim)
    await workersOf('cpu', 2)

    // After a crash the restart policy restarts it.
    const [crashed = ''] = await stack.containers('worker-io')
    await docker('exec', crashed, 'bash', '-c', crash)
    const back = ({ State, RestartCount }: Awaited<ReturnType<typeof stack.inspect>>) =>
      RestartCount === 1 && State.Health?.Status === 'healthy'
    await waitFor('the worker to be back', () => stack.inspect(crashed), back, { withinMs: 60_000, everyMs: 250 })

    await stack.compose('restart', 'redis')
    await waitFor(
      'the API to be ready',
      () => send('GET', `${stack.url}/readyz`),
      ({ status }) => status === 200,
      {
        withinMs: 30_000,
      },
    )
    const before = load.accepted.length
    await waitFor(
      'jobs after the restart',
      () => load.accepted.length,
      (count) => count >= before + 20,
      {
        withinMs: 60_000,
      },
    )

    await load.stop()
    const jobs = await Promise.all(load.accepted.map((id) => endOf(id)))
    expect(new Set(load.accepted).size).toBe(load.accepted.length)
    const unlike = jobs.filter(({ state }) => state !== 'succeeded')
    expect(unlike.map(({ id, state, error }) => ({ id, state, error }))).toEqual([])

    const stored = await ends.stop()
    const twice = load.accepted.filter((id) => stored.filter((end) => end.id === id).length > 1)
    expect(twice).toEqual([])
    console.log(
      `${jobs.length} accepted jobs ended once; ${load.refused()} submissions were refused or cut off and sent again`,
    )
  })

  test('a stopped worker exits in time by itself, and returns unfinished jobs', async () => {
    await stack.compose('stop', 'worker-cpu')
    const { body } = await submit(stack.url, 'burn-cpu', { duration_ms: 8000, steps: 80 })
    await stack.compose('up', '--detach', '--no-recreate', '--scale', 'worker-io=2', '--scale', 'worker-cpu=1')
    await waitFor(
      'its start',
      () => read(stack.url, body.id),
      (answer) => answer.body.state === 'running',
      {
        withinMs: 60_000,
      },
    )
    const started = performance.now()
    await stack.compose('stop', 'worker-cpu')
    expect(performance.now() - started).toBeLessThan(15_000)
    const stopped = await Promise.all((await allOf('worker-cpu')).map((id) => stack.inspect(id)))
    // 137 is the container that the previous test has killed.
    expect(stopped.map(({ State }) => State.ExitCode).filter((code) => code !== 137)).toEqual([0])
    expect((await read(stack.url, body.id)).body).toMatchObject({ state: 'queued', attempt: 0 })

    await stack.compose('start', 'worker-cpu')
    expect(await endOf(body.id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  })

  test('is removed completely', async () => {
    expect(await stack.left()).not.toEqual([])
    await stack.down()
    expect(await stack.left()).toEqual([])
  })

  const allOf = async (service: string): Promise<string[]> => {
    const labels = [`project=${stack.project}`, `service=${service}`]
    const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`])
    return lines(await docker('ps', '--all', '--quiet', ...filters))
  }

  const workersOf = (queue: string, count: number) =>
    waitFor(
      `${count} workers of ${queue}`,
      () => send<{ workers: number }>('GET', `${stack.url}/v1/queues/${queue}`),
      ({ body }) => body.workers === count,
      { withinMs: 60_000, everyMs: 100 },
    )

  const endOf = async (id: string): Promise<JobResource> => {
    const answer = await waitFor(
      `the end of ${id}`,
      () => read(stack.url, id, 30),
      ({ body }) => body.done,
      {
        withinMs: 90_000,
      },
    )
    return answer.body
  }
})

/** Delay before a client submits its next job. */
const paceMs = 150

/** Clients that submit jobs for each executor, one after the other, each until it is accepted. */
function startLoad(url: string, clients: number) {
  const kinds = [
    ['sleep', { duration_ms: 300, steps: 3 }],
    ['burn-cpu', { duration_ms: 100 }],
    ['burn-cpu-isolated', { duration_ms: 100 }],
  ] as const
  const accepted: string[] = []
  const stop = new AbortController()
  let refused = 0
  const submitOne = async (n: number): Promise<void> => {
    const [type, input] = kinds[n % kinds.length] ?? kinds[0]
    const headers = { 'idempotency-key': randomUUID() }
    // With an idempotency key the same request can be repeated until it is answered.
    await waitFor(
      'a job to be accepted',
      async () => {
        const sent = send<JobResource>('POST', `${url}/v1/jobs`, { body: { type, input }, headers })
        const answer = await sent.catch(() => undefined)
        if (answer?.status === 202) accepted.push(answer.body.id)
        else refused += 1
        return answer?.status
      },
      (status) => status === 202,
      { withinMs: 60_000, everyMs: 100 },
    )
  }
  const running = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let n = client; !stop.signal.aborted; n += 1) {
        await submitOne(n)
        await sleep(paceMs)
      }
    }),
  )
  return {
    accepted,
    refused: () => refused,
    stop: async () => {
      stop.abort()
      await running
    },
  }
}

/** Records the ends that the queues store, until `stop`. */
async function followEnds(url: string) {
  const folder = await mkdtemp(join(tmpdir(), 'drover-stack-ends-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const ledger = join(folder, 'ledger')
  await writeFile(ledger, '')
  const stop = await recordStoredEnds({ url, prefix: 'drover', queues: ['io', 'cpu'], ledger })
  return {
    stop: async () => {
      await stop()
      return new LedgerReader(ledger).entries().filter((entry) => entry.kind === 'stored')
    },
  }
}
