import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send, watchToEnd } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const token = 'tok-5f2c9"\\e1'
const answered = 'out-77aa01bb'

const source = `
import { defineJob } from 'drover'
import { z } from 'zod'
export default defineJob({
  type: 'log-in', title: 'Log in', runsOn: RUNS_ON,
  input: z.object({ user: z.string(), token: z.string().meta({ secret: true }), fail: z.boolean().default(false), late: z.boolean().default(false) }),
  output: z.object({ user: z.string(), session: z.string().meta({ secret: true }), length: z.int() }),
  async *run({ user, token, fail, late }, job) {
    if (late) {
      setTimeout(() => { throw new Error('late with ' + token) }, 10)
      await new Promise(() => {})
    }
    job.log('logging in with ' + token)
    job.progress(0.5, 'with ' + token, { sent: JSON.stringify({ token }) })
    yield { token }
    if (fail) throw new Error('refused: ' + token + ' for ' + user)
    return { user, session: ${JSON.stringify(answered)}, length: token.length }
  },
})
`

test.each(['event-loop', 'thread'])(
  'a secret reaches the handler (%s) and nobody else',
  async (runsOn) => {
    const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'log-in.ts'), source.replace('RUNS_ON', JSON.stringify(runsOn)))
    const env = { JOBS_DIR: folder, WEBHOOK_SECRETS: webhookSecret('a'), LOG_LEVEL: 'debug' }
    const { api, workers } = await startStack({ env })
    const receiver = await receiveWebhooks()
    const seen: unknown[] = []
    const call = async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await send<T>(method, api.url + path, { body, headers })
      seen.push(answer.body)
      return answer.body
    }
    const input = { user: 'ada', token }
    const submission = { type: 'log-in', input, webhook: { url: receiver.url } }
    const good = await call<JobResource>('POST', '/v1/jobs', submission, { prefer: 'wait=50', 'idempotency-key': 'a' })
    expect(good).toMatchObject({
      state: 'succeeded',
      input: { user: 'ada', token: '***' },
      output: { user: 'ada', session: '***', length: token.length },
    })
    await call('POST', '/v1/jobs', submission, { 'idempotency-key': 'a' })
    const failing = { ...submission, input: { ...input, fail: true } }
    const bad = await call<JobResource>('POST', '/v1/jobs', failing, { prefer: 'wait=50' })
    expect(bad.error?.message).toBe('refused: *** for ada')
    // The retry runs with the secret, not with what clients see.
    await call('POST', `/v1/jobs/${bad.id}/retry`)
    expect(await call('GET', `/v1/jobs/${bad.id}`, undefined, { prefer: 'wait=50' })).toMatchObject({
      error: { message: 'refused: *** for ada' },
      run: 2,
    })
    for (const { id } of [good, bad]) {
      for (const part of ['', '/logs', '/deliveries']) await call('GET', `/v1/jobs/${id}${part}`)
      seen.push(await watchToEnd(api.url, id, 0))
    }
    expect(await call('GET', `/v1/jobs/${good.id}/output`)).toEqual({
      user: 'ada',
      session: '***',
      length: token.length,
    })
    await call('GET', '/v1/jobs')

    const node = { type: 'log-in', input }
    const chain = [node, { type: 'echo', input: { $output: '/session' } }]
    const flow = await call<{ id: string }>(
      'POST',
      '/v1/flows',
      { flow: { gather: [node, { gather: [node] }, { chain }] } },
      { prefer: 'wait=50' },
    )
    const results = await call<{ items: { output: unknown }[] }>('GET', `/v1/flows/${flow.id}/results`)
    expect(results.items.slice(0, 2).map(({ output }) => output)).toMatchObject([
      { session: '***' },
      [{ session: '***' }],
    ])
    // A step gets the value itself, and shows it where its own schema does not call it a secret.
    expect(results.items[2]?.output).toBe(answered)
    seen.pop()
    await call('PUT', '/v1/schedules/a', { every_ms: 3_600_000, job: node })
    expect(await call('GET', '/v1/schedules/a')).toMatchObject({ job: { input: { token: '***' } } })
    await call('GET', '/v1/schedules')
    // What clients read has no secrets: a pause keeps them, and a PUT of it is refused.
    const shownJob = await call<{ job: unknown }>('GET', '/v1/schedules/a')
    expect(await call('PATCH', '/v1/schedules/a', { paused: true })).toMatchObject({ paused: true, next_run_at: null })
    expect(await call('PUT', '/v1/schedules/a', { every_ms: 3_600_000, job: shownJob.job })).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/job/input/token' }],
    })
    expect(await call('PATCH', '/v1/schedules/a', { paused: false })).toMatchObject({ paused: false })
    expect(await call('POST', '/v1/schedules/a/run', undefined, { prefer: 'wait=50' })).toMatchObject({
      output: { length: token.length },
    })
    if (runsOn === 'thread') {
      const late = { type: 'log-in', input: { ...input, late: true }, attempts: 1 }
      const crashed = await call<JobResource>('POST', '/v1/jobs', late, { prefer: 'wait=50' })
      expect(crashed.error).toMatchObject({ code: 'crashed', message: expect.stringContaining('late with ***') })
    }
    await receiver.received(3)

    const shown = JSON.stringify([seen, receiver.messages, api.logs, workers.map(({ logs }) => logs)])
    for (const text of [token, JSON.stringify(token).slice(1, -1), 'tok-5f2c9', answered])
      expect(shown).not.toContain(text)
  },
  120_000,
)
