import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineJob, PermanentError, RetryLater } from '../../../src/jobs/define-job.ts'
import { testJob } from '../../../src/testing/test-job.ts'

const base = { type: 'tried', title: 'Tried', runsOn: 'thread', attempts: 3 } as const
const anything = { ...base, input: z.unknown(), output: z.unknown() }

test('a job gives its output, and what it reported in order', async () => {
  const job = defineJob({
    ...base,
    input: z.object({ words: z.array(z.string()), times: z.int().default(1) }),
    output: z.object({ count: z.int() }),
    async *run({ words, times }, job) {
      job.log(`attempt ${job.attempt} of ${job.maxAttempts}`, 'warn')
      for (const word of words) yield word.repeat(times)
      job.progress(1, 'done', { words })
      return { count: words.length, left: 'out' }
    },
  })
  const ended = await testJob(job, { words: ['a', 'b'], times: 2 }, { attempt: 2 })
  expect(ended).toEqual({
    state: 'succeeded',
    output: { count: 2 },
    error: null,
    retryDelayMs: null,
    yields: ['aa', 'bb'],
    progress: [{ fraction: 1, message: 'done', data: { words: ['a', 'b'] } }],
    logs: [{ at: expect.any(String), level: 'warn', message: 'attempt 2 of 3', attempt: 2 }],
    checkpoint: undefined,
    steps: {},
  })
  expectTypeOf(ended.output).toEqualTypeOf<{ count: number } | null>()
})

test('an input that the schema refuses, or that is not JSON, fails without a start', async () => {
  const job = defineJob({
    ...base,
    input: z.object({ n: z.any().refine(Number.isInteger, 'no integer') }),
    output: z.any(),
    run: async () => 'ran',
  })
  expect((await testJob(job, { n: 1.5 })).error).toMatchObject({
    code: 'invalid_input',
    message: '/input/n: no integer',
  })
  expect((await testJob(job, { n: 1n })).error).toMatchObject({
    code: 'invalid_input',
    message: '/input/n is a bigint, which is not JSON',
  })
})

test.each([
  ['an output that is not JSON', () => new Map([[1, 2]]), 'invalid_output', '/output is a Map, which is not JSON'],
  [
    'a code that is reserved',
    () => {
      throw new PermanentError('no', { code: 'timeout' })
    },
    'job_failed',
    'no',
  ],
  [
    'an error of a library',
    () => {
      throw Object.assign(new Error('fetch failed', { cause: new Error('refused') }), { code: 'E' })
    },
    'job_failed',
    'fetch failed: refused',
  ],
])('%s fails as in a worker', async (_, run, code, message) => {
  const { state, output, error } = await testJob(defineJob({ ...anything, run: async () => run() }), null)
  expect({ state, output, code: error?.code }).toEqual({ state: 'failed', output: null, code })
  expect(error?.message).toBe(message)
})

test('the delay before the next attempt is that of the error, else of the job type; behind the last attempt there is none', async () => {
  const job = defineJob({
    ...anything,
    backoff: { type: 'fixed', delayMs: 700, jitter: 0 },
    run: async (input) => {
      throw input === 'later' ? new RetryLater(5000) : new Error('no')
    },
  })
  expect((await testJob(job, 'later')).retryDelayMs).toBe(5000)
  expect((await testJob(job, '')).retryDelayMs).toBe(700)
  expect((await testJob(job, '', { attempt: 3 })).retryDelayMs).toBeNull()
})

test('a handler that takes too long fails as timeout, and its signal aborts', async () => {
  let reason: unknown
  const job = defineJob({
    ...anything,
    timeoutMs: 20,
    async run(_, { signal }) {
      await sleep(60_000, undefined, { signal }).catch(() => (reason = signal.reason))
    },
  })
  expect((await testJob(job, null)).error).toMatchObject({ code: 'timeout', retryable: true })
  expect(reason).toMatchObject({ name: 'AbortError', code: 'timeout' })
})

test('an aborted signal cancels the job, and a handler that ignores it gets the grace of the type', async () => {
  const stop = new AbortController()
  const steps: string[] = []
  const job = defineJob({
    ...anything,
    cancelGraceMs: 30,
    async *run() {
      try {
        yield 1
        stop.abort()
        yield 2
      } finally {
        steps.push('cleaned up')
      }
      return null
    },
  })
  const ended = await testJob(job, null, { signal: stop.signal })
  expect(ended).toMatchObject({ state: 'canceled', output: null, error: { code: 'canceled' }, yields: [1] })
  expect(steps).toEqual(['cleaned up'])

  const deaf = defineJob({ ...anything, cancelGraceMs: 30, run: () => new Promise<never>(() => undefined) })
  expect((await testJob(deaf, null, { signal: AbortSignal.timeout(10) })).state).toBe('canceled')
})

test('job.fetch is answered by the function of the test, with the headers of a worker', async () => {
  const job = defineJob({
    ...anything,
    run: async (_, job) => (await job.fetch('https://example.com/', { headers: { accept: 'text/plain' } })).text(),
  })
  const { output } = await testJob(job, null, {
    fetch: async (url, init) => new Response(`${String(url)} ${new Headers(init?.headers).get('drover-hops')}`),
  })
  expect(output).toBe('https://example.com/ 1')
})

test('secrets of the input are replaced in what the handler reports, and not in its output', async () => {
  const job = defineJob({
    ...base,
    input: z.object({ token: z.string().meta({ secret: true }) }),
    output: z.object({ token: z.string() }),
    async *run({ token }, job) {
      job.log(`with ${token}`)
      yield token
      if (job.attempt === 2) throw new Error(`refused ${token}`)
      return { token }
    },
  })
  expect(await testJob(job, { token: 'abcdef' })).toMatchObject({
    output: { token: 'abcdef' },
    yields: ['***'],
    logs: [{ message: 'with ***' }],
  })
  expect((await testJob(job, { token: 'abcdef' }, { attempt: 2 })).error?.message).toBe('refused ***')
})

test('a job type that a worker would not load is refused', async () => {
  const job = defineJob({
    ...base,
    input: z.string(),
    output: z.string(),
    examples: [{ input: 'a', output: 'b' }],
    run: async (text) => text,
  })
  await expect(testJob({ ...job, examples: [{ input: 1 }] }, 'a')).rejects.toThrow('examples[0].input')
})

test('an attempt goes on from what an earlier one has kept', async () => {
  let calls = 0
  const job = defineJob({
    ...anything,
    async run(_, job) {
      const step = await job.once('größe', () => ++calls)
      if (job.attempt === 1) await job.checkpoint({ next: 5 })
      if (job.attempt === 1) throw new Error('again')
      return { step, restored: job.restored }
    },
  })
  const first = await testJob(job, null)
  expect(first).toMatchObject({ state: 'failed', checkpoint: { next: 5 }, steps: { größe: 1 } })
  const { output } = await testJob(job, null, { attempt: 2, restored: first.checkpoint, steps: first.steps })
  expect(output).toEqual({ step: 1, restored: { next: 5 } })
})

const waiting = { ...base, runsOn: 'event-loop', input: z.unknown(), output: z.unknown() } as const

test('a wait for a signal that has not come leaves the handler where it is, and its signal aborts', async () => {
  const ran: string[] = []
  let reason: unknown
  const job = defineJob({
    ...waiting,
    async run(_, job) {
      job.signal.addEventListener('abort', () => {
        reason = job.signal.reason
      })
      try {
        await job.checkpoint({ asked: true })
        return await job.waitForSignal('approved', { timeoutMs: 1000 })
      } catch {
        ran.push('catch')
        return 'refused'
      } finally {
        ran.push('finally')
      }
    },
  })
  const ended = await testJob(job, 1)
  expect(ended).toMatchObject({ state: 'blocked', output: null, error: null, waitsFor: ['approved'] })
  expect(reason).toMatchObject({ name: 'AbortError', code: 'parked' })
  expect(ran).toEqual([])
  // The start that follows.
  const again = await testJob(job, 1, { restored: ended.checkpoint, signals: { approved: 'yes' } })
  expect(again).toMatchObject({ state: 'succeeded', output: 'yes' })
  expect(ran).toEqual(['finally'])
  expect(await testJob(job, 1, { timedOutSignals: ['approved'] })).toMatchObject({
    state: 'succeeded',
    output: 'refused',
  })
})

test('a handler gets the first of several signals, and one that ends beside a wait is not parked', async () => {
  const names = ['approved', 'rejected']
  const job = defineJob({ ...waiting, run: async (_, job) => job.waitForSignal(names, { timeoutMs: 1000 }) })
  expect(await testJob(job, 1)).toMatchObject({ state: 'blocked', waitsFor: names })
  const signals = { rejected: 'no', approved: 'yes' }
  expect((await testJob(job, 1, { signals })).output).toEqual({ name: 'rejected', payload: 'no' })
  expect((await testJob(job, 1, { timedOutSignals: ['approved'] })).error).toMatchObject({ code: 'signal_timeout' })
  const leaving = defineJob({
    ...waiting,
    run: async (_, job) =>
      Promise.race([job.waitForSignal('approved'), job.waitForSignal('rejected'), Promise.resolve('else')]),
  })
  expect(await testJob(leaving, 1)).toMatchObject({ state: 'succeeded', output: 'else' })
})

test('nothing of a handler counts that goes on beside a wait', async () => {
  const gate = Promise.withResolvers<void>()
  const over = Promise.withResolvers<unknown>()
  const job = defineJob({
    ...waiting,
    async run(_, job) {
      const beside = (async () => {
        await gate.promise
        job.log('beside')
        job.progress(1)
        over.resolve(await job.once('effect', () => 1).catch((error: unknown) => Object(error).code))
        return 'too late'
      })()
      return Promise.race([beside, job.waitForSignal('approved')])
    },
  })
  const ended = await testJob(job, 1)
  expect(ended.state).toBe('blocked')
  gate.resolve()
  expect(await over.promise).toBe('checkpoint_refused')
  expect(ended).toMatchObject({ logs: [], progress: [], steps: {} })
})

test('a wait that times out fails the job for good, and one that is not allowed does, too', async () => {
  const job = defineJob({
    ...waiting,
    input: z.object({ name: z.string(), timeoutMs: z.number().optional(), step: z.string().optional() }),
    run: async ({ name, ...options }, job) => job.waitForSignal(name, options as { timeoutMs?: number }),
  })
  const failed = await testJob(job, { name: 'paid', timeoutMs: 50 }, { timedOutSignals: ['paid'] })
  expect(failed.error).toMatchObject({
    code: 'signal_timeout',
    retryable: false,
    message: 'no signal paid came within 50 ms',
  })
  for (const input of [
    { name: 'a b' },
    { name: '' },
    { name: 'a', timeoutMs: -1 },
    { name: 'a', timeoutMs: 4e10 },
    { name: 'a', step: 'x'.repeat(101) },
  ])
    expect((await testJob(job, input)).error).toMatchObject({ code: 'invalid_wait', retryable: false })
})

test('what a handler asks of children is answered once for each, and a failure has the code and id of the child', async () => {
  const asked: [string, unknown][] = []
  const job = defineJob({
    ...anything,
    async run(_, job) {
      const first = await job.start('first', { n: 1 }, { priority: 3 })
      const [same, alone] = await Promise.all([first.result(), job.run('alone', 2)])
      const settled = await job.gather([first, { type: 'broken', input: 3 }], { settled: true })
      const failed = await job
        .gather([
          { type: 'first', input: 4 },
          { type: 'broken', input: 5 },
        ])
        .catch((error) => error)
      const { code, childType, state, message } = failed
      return { same, alone, statuses: settled.map(({ status }) => status), failed: { code, childType, state, message } }
    },
  })
  const children = (type: string, input: unknown) => {
    asked.push([type, input])
    if (type === 'broken') throw new PermanentError('out of paper', { code: 'no_paper' })
    return `${type} ${JSON.stringify(input)}`
  }
  const { output } = await testJob(job, 1, { children })
  expect(output).toEqual({
    same: 'first {"n":1}',
    alone: 'alone 2',
    statuses: ['fulfilled', 'rejected'],
    failed: {
      code: 'no_paper',
      childType: 'broken',
      state: 'failed',
      message: expect.stringMatching(/^broken child_\w+: out of paper$/),
    },
  })
  expect(asked.map(([type]) => type)).toEqual(['first', 'alone', 'broken', 'first', 'broken'])
  const none = await testJob(job, 1)
  expect(none.error).toMatchObject({ code: 'no_children', retryable: false })
})
