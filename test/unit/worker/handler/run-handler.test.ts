import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import {
  defineJob,
  type Job,
  type JobContext,
  JobError,
  PermanentError,
  RetryLater,
} from '../../../../src/jobs/define-job.ts'
import { type EmitJobEvent, isKeepRequest, type JobEvent, type KeepRequest } from '../../../../src/jobs/job-event.ts'
import type { StopRequest } from '../../../../src/jobs/stop-request.ts'
import type { Attempt } from '../../../../src/worker/handler/attempt.ts'
import { type ContextParts, maxMessageLength } from '../../../../src/worker/handler/job-context.ts'
import { runHandler } from '../../../../src/worker/handler/run-handler.ts'

type Handler = (input: unknown, job: JobContext) => Promise<unknown> | AsyncGenerator<unknown, unknown, undefined>

function jobOf(run: Handler, schemas: { input?: z.ZodType; output?: z.ZodType } = {}): Job {
  const { input = z.unknown(), output = z.unknown() } = schemas
  return defineJob({ type: 'test', title: 'Test', runsOn: 'event-loop', input, output, run })
}

function begin(
  job: Job,
  options: { input?: unknown; receive?: EmitJobEvent; before?: Partial<Attempt>; parts?: Partial<ContextParts> } = {},
) {
  const events: JobEvent[] = []
  const kept: KeepRequest[] = []
  const stop = new AbortController()
  const outcome = runHandler({
    ...options.parts,
    job,
    attempt: {
      ...{ id: 'job-1', type: 'test', tenant: 'acme', hops: 2, input: options.input, attempt: 2, maxAttempts: 5 },
      fence: 1_000_002,
      ...options.before,
    },
    stop: stop.signal,
    fetch: async (url, init) => new Response(`${String(url)} ${init?.signal?.aborted}`),
    emit(event) {
      if (isKeepRequest(event)) kept.push(event)
      else events.push(event)
      return options.receive?.(event)
    },
  })
  return { events, kept, outcome, stop: (kind: StopRequest['kind'] = 'canceled') => stop.abort({ kind, graceMs: 100 }) }
}

/** What a handler asks for that is refused. */
const refusing = {
  awaitAnswers: async () => ({
    status: 'refused' as const,
    failure: { code: 'attempt_over', message: 'over', retryable: true },
  }),
  children: {
    children: async () => ({ status: 'refused' as const, code: 'lease_lost', message: 'lost', retryable: true }),
  },
}

const outcomeOf = (run: Handler) => begin(jobOf(run)).outcome

describe('the input', () => {
  const input = z.object({ rows: z.array(z.object({ limit: z.int().max(100).default(7) })).default([]) })

  test('is parsed, with its defaults', async () => {
    const job = jobOf(async (given) => given, { input })
    expect(await begin(job, { input: { rows: [{}] } }).outcome).toEqual({
      status: 'returned',
      output: { rows: [{ limit: 7 }] },
    })
  })

  test('fails the job permanently when the schema refuses it, naming the place', async () => {
    const job = jobOf(async (given) => given, { input })
    const failure = {
      code: 'invalid_input',
      message: expect.stringMatching(/^\/input\/rows\/1\/limit: /),
      retryable: false,
    }
    const { outcome } = begin(job, { input: { rows: [{}, { limit: 101 }] } })
    expect(await outcome).toEqual({ status: 'threw', failure })
  })
})

describe('the output', () => {
  test('is parsed', async () => {
    const job = jobOf(async () => ({ count: 1, more: 2 }), { output: z.object({ count: z.int() }) })
    expect(await begin(job).outcome).toEqual({ status: 'returned', output: { count: 1 } })
  })

  test('is null when nothing is returned', async () => {
    expect(await outcomeOf(async () => undefined)).toEqual({ status: 'returned', output: null })
  })

  test('fails the job permanently when the schema refuses it', async () => {
    const job = jobOf(async () => ({ count: 'many' }), { output: z.object({ count: z.int() }) })
    const failure = { code: 'invalid_output', message: expect.stringMatching(/^\/output\/count: /), retryable: false }
    expect(await begin(job).outcome).toEqual({ status: 'threw', failure })
  })

  test('with millions of mistakes costs no more than one with a few', async () => {
    const schema = z.array(z.object({ name: z.string() }))
    const wrong = (length: number) => Array.from({ length }, () => ({ name: 1 }))
    const failureOf = async (output: unknown) => {
      const outcome = await begin(jobOf(async () => output, { output: schema })).outcome
      return outcome.status === 'threw' ? outcome.failure : undefined
    }
    const message = expect.stringMatching(/^\/output\/0\/name: .* \(and 2 more\)$/)
    expect(await failureOf(wrong(3))).toMatchObject({ code: 'invalid_output', message })
    const many = wrong(1_500_000)
    const before = process.threadCpuUsage()
    expect(await failureOf(many)).toMatchObject({
      code: 'invalid_output',
      message: expect.stringMatching(/^\/output\/0/),
    })
    const { user, system } = process.threadCpuUsage(before)
    // All of them take 700 ms, the first ones 11.
    expect((user + system) / 1000).toBeLessThan(300)
  })

  test('fails the job permanently when it is not JSON', async () => {
    const failure = {
      code: 'invalid_output',
      message: '/output/total is a bigint, which is not JSON',
      retryable: false,
    }
    expect(await outcomeOf(async () => ({ total: 1n }))).toEqual({ status: 'threw', failure })
  })
})

describe('what is thrown', () => {
  test('becomes a failure that may be retried', async () => {
    const thrown = outcomeOf(async () => {
      throw new TypeError('no luck', { cause: new Error('bad weather') })
    })
    const failure = { code: 'job_failed', message: 'no luck: bad weather', retryable: true }
    expect(await thrown).toEqual({ status: 'threw', failure })
  })

  test.each([
    ['its causes', new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a: b: c'],
    ['a cause that repeats it once', new Error('a: b', { cause: new Error('b') }), 'a: b'],
    ['the errors of an AggregateError', new AggregateError([new Error('a'), new Error('b')]), 'a; b'],
    [
      'several errors behind a message',
      new Error('no luck', {
        cause: new AggregateError(
          Array.from({ length: 7 }, (_, n) => new Error(`e${n}`)),
          'all',
        ),
      }),
      'no luck: all: e0; e1; e2; e3; e4; and 2 more',
    ],
    ['the code of an error of the system', Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ])('is described with %s', async (_name, error, message) => {
    expect(await outcomeOf(() => Promise.reject(error))).toMatchObject({ failure: { code: 'job_failed', message } })
  })

  test('is cut at a code point and well-formed, the code too', async () => {
    const emoji = '😀'.repeat(5000)
    for (const start of ['', 'x', '\ud800']) {
      const thrown = outcomeOf(() => Promise.reject(new JobError(start + emoji, { code: start + emoji })))
      const failure = Object((await thrown) as unknown).failure
      expect(failure.message.length).toBeGreaterThan(1990)
      expect(failure.message.length).toBeLessThanOrEqual(2000)
      expect(failure.code.length).toBeLessThanOrEqual(100)
      expect([failure.message, failure.code].every((text) => text.isWellFormed())).toBe(true)
    }
  })

  test('steers retries only as an error of ours, from whichever copy of the module', async () => {
    const foreign = Object.assign(new Error('throttled'), { retryable: false, retryAfterMs: 7, code: 'Throttling' })
    expect(await outcomeOf(() => Promise.reject(foreign))).toEqual({
      status: 'threw',
      failure: { code: 'job_failed', message: 'throttled', retryable: true },
    })
    const copy: typeof import('../../../../src/jobs/job-error.ts') = await import(
      `${import.meta.resolve('../../../../src/jobs/job-error.ts')}?copy`
    )
    expect(copy.PermanentError).not.toBe(PermanentError)
    const permanent = outcomeOf(() => Promise.reject(new copy.PermanentError('gone', { code: 'not_found' })))
    expect(await permanent).toMatchObject({ failure: { code: 'not_found', retryable: false } })
  })

  test.each([
    [3 * 86_400_000, 3 * 86_400_000],
    [Number.POSITIVE_INFINITY, 365 * 86_400_000],
    [0.2, 1],
    [-5, 0],
    [Number.NaN, undefined],
  ])('may ask for a retry after %d ms: after %d', async (asked, given) => {
    const outcome = await outcomeOf(() => Promise.reject(new RetryLater(asked, 'busy')))
    const delay = given === undefined ? {} : { retryAfterMs: given }
    expect(outcome).toEqual({
      status: 'threw',
      failure: { code: 'job_failed', message: 'busy', retryable: true, ...delay },
    })
  })

  test('may end retries or set their delay', async () => {
    const permanent = outcomeOf(async () => {
      throw new PermanentError('gone', { code: 'not_found' })
    })
    const later = outcomeOf(async () => {
      throw new RetryLater(1500)
    })
    expect(await permanent).toMatchObject({ failure: { code: 'not_found', retryable: false } })
    expect(await later).toMatchObject({ failure: { retryable: true, retryAfterMs: 1500 } })
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a string', 'oops'],
    [
      'an object that throws when looked at',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no')
          },
        },
      ),
    ],
  ])('may be %s', async (_name, thrown) => {
    expect(await outcomeOf(() => Promise.reject(thrown))).toMatchObject({
      status: 'threw',
      failure: { code: 'job_failed', message: expect.stringMatching(/^the handler threw /) },
    })
  })

  test('may be thrown before there is a promise', async () => {
    const thrown = outcomeOf(() => {
      throw new Error('at once')
    })
    expect(await thrown).toMatchObject({ status: 'threw', failure: { message: 'at once' } })
  })
})

describe('the context', () => {
  test('has the number of the attempt', async () => {
    const run = outcomeOf(async (_input, { id, type, attempt, maxAttempts }) => ({ id, type, attempt, maxAttempts }))
    expect(await run).toMatchObject({ output: { id: 'job-1', type: 'test', attempt: 2, maxAttempts: 5 } })
  })

  test.each([
    [0.25, 0.25],
    [-1, 0],
    [7, 1],
    [Number.POSITIVE_INFINITY, 1],
    [Number.NaN, 0.125],
    [Object('0.5'), 0.125],
  ])('reports a progress of %s as %s after 0.125', async (given, expected) => {
    const { events, outcome } = begin(
      jobOf(async (_input, job) => {
        job.progress(0.125)
        job.progress(given, 'text', { step: 1 })
      }),
    )
    await outcome
    expect(events).toEqual([
      { kind: 'progress', fraction: 0.125, message: null, data: null },
      { kind: 'progress', fraction: expected, message: 'text', data: { step: 1 } },
    ])
  })

  test('drops progress data that is not JSON, and logs that once', async () => {
    const { events, outcome } = begin(
      jobOf(async (_input, job) => {
        job.progress(0.1, 'a', { big: 1n })
        job.progress(0.2, 'b', { big: 2n })
      }),
    )
    expect(await outcome).toMatchObject({ status: 'returned' })
    expect(events.map(({ kind }) => kind)).toEqual(['progress', 'log', 'progress'])
    expect(events[0]).toMatchObject({ fraction: 0.1, data: null })
    expect(events[1]).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('/data/big is a bigint'),
    })
  })

  test('cuts long log messages and knows four levels', async () => {
    const { events, outcome } = begin(
      jobOf(async (_input, job) => {
        job.log('plain')
        job.log('😀'.repeat(maxMessageLength), 'error')
        job.log(Object({ not: 'text' }), Object('loud'))
      }),
    )
    await outcome
    const log = { kind: 'log', at: expect.stringMatching(/^\d{4}-.*Z$/), attempt: 2 }
    expect(events[0]).toEqual({ ...log, level: 'info', message: 'plain' })
    expect(events[1]).toMatchObject({ level: 'error', message: expect.stringMatching(/…$/) })
    expect(events[1]?.kind === 'log' && events[1].message).toBe(`${'😀'.repeat(maxMessageLength / 2 - 1)}…`)
    expect(events[2]).toMatchObject({ level: 'info', message: "{ not: 'text' }" })
  })

  test('ignores progress and logs after the end', async () => {
    let kept: JobContext | undefined
    const { events, outcome } = begin(
      jobOf(async (_input, job) => {
        kept = job
      }),
    )
    await outcome
    kept?.log('late')
    kept?.progress(1)
    expect(events).toEqual([])
  })

  test('knows the tenant, counts the hops of its requests, and introduces itself unless the handler does', async () => {
    const sent: RequestInit[] = []
    const attempt = {
      id: 'job-1',
      type: 'test',
      tenant: 'acme',
      hops: 2,
      input: null,
      attempt: 1,
      maxAttempts: 1,
      fence: 1,
    }
    const outcome = await runHandler({
      job: jobOf(async (_input, job) => {
        await job.fetch('/a', { headers: { 'Drover-Hops': '0', 'x-own': 'yes' } })
        await job.fetch('/b', { headers: { 'User-Agent': 'mine' } })
        return job.tenant
      }),
      attempt,
      emit: () => undefined,
      stop: new AbortController().signal,
      fetch: async (_url, init) => {
        sent.push({ ...init })
        return new Response()
      },
    })
    expect(outcome).toEqual({ status: 'returned', output: 'acme' })
    expect(sent.map(({ headers }) => [...new Headers(headers)])).toEqual([
      [
        ['drover-hops', '3'],
        ['user-agent', expect.stringMatching(/^drover\/\d/)],
        ['x-own', 'yes'],
      ],
      [
        ['drover-hops', '3'],
        ['user-agent', 'mine'],
      ],
    ])
  })

  test('can be spread, and be what another object inherits from', async () => {
    const running = begin(
      jobOf(async (_, job) => {
        const [{ signal: first, ...rest }, heir] = [{ ...job, more: 1 }, Object.create(job) as JobContext]
        await nextTurn()
        running.stop()
        const { restored, run, start, gather, waitForSignal, checkpoint, once, span, log, progress } = rest
        const calls = [run, start, gather, waitForSignal, checkpoint, once, span, log, progress, rest.fetch]
        const areCalls = calls.every((call) => typeof call === 'function')
        return { restored, areCalls, isStopped: [first.aborted, heir.signal.aborted] }
      }),
      { before: { restored: '{"row":7}' } },
    )
    const output = { restored: { row: 7 }, areCalls: true, isStopped: [true, true] }
    expect(await running.outcome).toEqual({ status: 'returned', output })
  })

  test('gives fetch the signal', async () => {
    const run = begin(
      jobOf(async (_input, job) => {
        await new Promise((resolve) => job.signal.addEventListener('abort', resolve))
        const responses = [await job.fetch('/a'), await job.fetch('/b', { signal: new AbortController().signal })]
        return Promise.all(responses.map((response) => response.text()))
      }),
    )
    run.stop()
    expect(await run.outcome).toEqual({ status: 'returned', output: ['/a true', '/b true'] })
  })
})

describe('what a handler keeps', () => {
  test('is what an earlier start has kept, and what it asks to keep, without the mask of secrets', async () => {
    const input = z.object({ token: z.string().meta({ secret: true }) })
    const run = begin(
      jobOf(
        async (_input, job) => {
          await job.checkpoint({ at: 8, token: 'topsecret', when: new Date(0) })
          return [job.restored, await job.once('paid', () => 'again'), await job.once('new', async () => new Date(0))]
        },
        { input },
      ),
      {
        input: { token: 'topsecret' },
        before: { restored: '{"at":7}', steps: { paid: '"before"' } },
        receive: async () => undefined,
      },
    )
    expect(await run.outcome).toEqual({
      status: 'returned',
      output: [{ at: 7 }, 'before', '1970-01-01T00:00:00.000Z'],
    })
    expect(run.kept).toEqual([
      { kind: 'checkpoint', n: 1, json: '{"at":8,"token":"topsecret","when":"1970-01-01T00:00:00.000Z"}' },
      { kind: 'step', n: 2, name: 'new', json: '"1970-01-01T00:00:00.000Z"' },
    ])
  })

  test('is nothing in a first start, and a step runs once however often it is called', async () => {
    let calls = 0
    const job = jobOf(async (_input, { once, restored }) => {
      const pay = async () => ++calls
      const both = await Promise.all([once('pay', pay), once('pay', pay)])
      return [restored ?? 'nothing', ...both, await once('pay', pay), await once('other', pay)]
    })
    expect(await begin(job, { receive: async () => undefined }).outcome).toMatchObject({
      output: ['nothing', 1, 1, 1, 2],
    })
  })

  test('is not kept of a step that throws, which is called again', async () => {
    const run = begin(
      jobOf(async (_input, { once }) => {
        await expect(once('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
        return once('a', () => 'yes')
      }),
      { receive: async () => undefined },
    )
    expect(await run.outcome).toMatchObject({ output: 'yes' })
    expect(run.kept).toHaveLength(1)
  })

  test.each([
    ['a state that is no JSON', (job: JobContext) => job.checkpoint({ n: 1n }), '/checkpoint/n is a bigint'],
    ['a state that is too large', (job: JobContext) => job.checkpoint('x'.repeat(262_143)), '262145 bytes of JSON'],
    [
      'a result that is too large',
      (job: JobContext) => job.once('a', () => 'x'.repeat(262_143)),
      '262145 bytes of JSON',
    ],
    ['a name that is empty', (job: JobContext) => job.once('', () => 1), '1 to 100 characters'],
    ['a name that is too long', (job: JobContext) => job.once('x'.repeat(101), () => 1), '1 to 100 characters'],
  ])('%s fails the attempt for good', async (_name, act, message) => {
    const { outcome, kept } = begin(jobOf(async (_input, job) => act(job)))
    expect(await outcome).toMatchObject({
      status: 'threw',
      failure: { code: 'invalid_checkpoint', message: expect.stringContaining(message), retryable: false },
    })
    expect(kept).toEqual([])
  })

  test('is refused with a reason, also when nobody waits for it, and when the handler has ended', async () => {
    const refusal = { code: 'checkpoint_refused', message: 'gone', retryable: true }
    let late: JobContext['checkpoint'] | undefined
    const run = begin(
      jobOf(async (_input, job) => {
        late = job.checkpoint
        void job.checkpoint(1)
        await job.checkpoint(2)
      }),
      { receive: async () => refusal },
    )
    expect(await run.outcome).toEqual({ status: 'threw', failure: refusal })
    await expect(late?.(3)).rejects.toMatchObject({ code: 'checkpoint_refused' })
    expect(run.kept).toHaveLength(2)
  })
})

test('the fence goes to the origins that the type names, and the handler cannot send another', async () => {
  const sent: (string | null)[] = []
  const definition = jobOf(async (_input, job) => {
    for (const url of ['https://a.example/x?y', 'https://a.example:8443/', 'https://b.example/', 'nonsense'])
      await job.fetch(url, { headers: { 'drover-fence': '9' } })
    return job.fence
  })
  const outcome = await runHandler({
    job: { ...definition, fenceOrigins: ['https://a.example'] },
    attempt: { id: 'x', type: 'test', input: {}, attempt: 1, maxAttempts: 1, tenant: '-', hops: 0, fence: 1_000_002 },
    emit: () => undefined,
    stop: new AbortController().signal,
    fetch: async (_url, init) => {
      sent.push(new Headers(init?.headers).get('drover-fence'))
      return new Response()
    },
  })
  expect(outcome).toEqual({ status: 'returned', output: 1_000_002 })
  expect(sent).toEqual(['1000002', null, null, null])
})

describe('a stop', () => {
  test('reaches the handler as an AbortError with its kind', async () => {
    const run = begin(
      jobOf(async (_input, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        signal.throwIfAborted()
      }),
    )
    run.stop('timeout')
    const failure = { code: 'timeout', message: 'the attempt ran out of time', retryable: true }
    expect(await run.outcome).toEqual({ status: 'threw', failure })
  })

  test('before the start keeps the handler from running', async () => {
    let hasRun = false
    const stop = AbortSignal.abort()
    const job = jobOf(async () => {
      hasRun = true
    })
    const attempt = { id: 'x', type: 'test', input: {}, attempt: 1, maxAttempts: 1, tenant: '-', hops: 0, fence: 1 }
    const outcome = await runHandler({ job, attempt, stop, emit: () => undefined, fetch: async () => new Response() })
    expect(outcome).toMatchObject({ status: 'threw', failure: { code: 'canceled' } })
    expect(hasRun).toBe(false)
  })
})

describe('a generator', () => {
  test('emits what it yields and returns its output', async () => {
    const { events, outcome } = begin(
      jobOf(async function* () {
        yield 1
        yield { two: 2 }
        return 'three'
      }),
    )
    expect(await outcome).toEqual({ status: 'returned', output: 'three' })
    expect(events).toEqual([
      { kind: 'output', value: 1 },
      { kind: 'output', value: { two: 2 } },
    ])
  })

  test('continues only when its receiver has kept up', async () => {
    let pulled = 0
    const taken: (() => void)[] = []
    const run = begin(
      jobOf(async function* () {
        for (; pulled < 5; ) yield ++pulled
        return pulled
      }),
      { receive: () => new Promise((resolve) => taken.push(resolve)) },
    )
    for (let count = 1; count <= 5; count++) {
      await expect.poll(() => taken.length).toBe(count)
      expect(pulled).toBe(count)
      taken.at(-1)?.()
    }
    expect(await run.outcome).toEqual({ status: 'returned', output: 5 })
  })

  test('that is stopped while its receiver is behind runs its finally blocks', async () => {
    let cleaned = false
    const run = begin(
      jobOf(async function* () {
        try {
          for (;;) yield 1
        } finally {
          await Promise.resolve()
          cleaned = true
        }
      }),
      { receive: () => new Promise(() => {}) },
    )
    await expect.poll(() => run.events.length).toBe(1)
    run.stop('shutdown')
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'shutdown' } })
    expect(cleaned).toBe(true)
  })

  test('that never waits can be stopped', async () => {
    const run = begin(
      jobOf(async function* () {
        for (;;) yield 1
      }),
    )
    setTimeout(run.stop, 5)
    expect(await run.outcome).toMatchObject({ status: 'threw', failure: { code: 'canceled' } })
  })

  test('that is stopped while it waits may still return', async () => {
    const run = begin(
      jobOf(async function* (_input, { signal }) {
        yield 1
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return 'partial'
      }),
    )
    await expect.poll(() => run.events.length).toBe(1)
    run.stop()
    expect(await run.outcome).toEqual({ status: 'returned', output: 'partial' })
  })

  test('fails permanently when it yields a value that is not JSON, and runs its finally blocks', async () => {
    let cleaned = false
    const { outcome } = begin(
      jobOf(async function* () {
        try {
          yield 1n
        } finally {
          cleaned = true
        }
      }),
    )
    expect(await outcome).toMatchObject({ status: 'threw', failure: { code: 'invalid_output', retryable: false } })
    expect(cleaned).toBe(true)
  })

  test('fails with what it throws', async () => {
    const { events, outcome } = begin(
      jobOf(async function* () {
        yield 1
        throw new Error('half way')
      }),
    )
    expect(await outcome).toMatchObject({ status: 'threw', failure: { message: 'half way' } })
    expect(events.length).toBe(1)
  })
})

test('a refusal of what nobody waits for is no unhandled rejection, which would end the worker', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  const refused: Promise<unknown>[] = []
  const job = jobOf(async (_, job) => {
    refused.push(job.run('a', 1), job.start('a', 1), job.gather([{ type: 'a', input: 1 }]), job.waitForSignal('b'))
    return 'returned'
  })
  expect(await begin(job, { parts: refusing }).outcome).toMatchObject({ output: 'returned' })
  for (let turn = 0; turn < 10; turn += 1) await nextTurn()
  expect(unhandled).toEqual([])
  const codes = refused.map((one) => one.catch((error: unknown) => Object(error).code))
  expect(await Promise.all(codes)).toEqual(['lease_lost', 'lease_lost', 'lease_lost', 'attempt_over'])
})

test('a gather of what is no list fails for good', async () => {
  const { outcome } = begin(
    jobOf(async (_, job) => job.gather({ type: 'a', input: 1 } as never)),
    { parts: refusing },
  )
  expect(await outcome).toMatchObject({ failure: { code: 'invalid_request', retryable: false } })
})
