import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const dayMs = 86_400_000

const ofType = `
import { defineJob } from 'drover'
import { z } from 'zod'
export default defineJob({
  type: 'short-lived',
  title: 'Is kept for a minute',
  runsOn: 'event-loop',
  input: z.null(),
  output: z.null(),
  keepResultMs: 60_000,
  run: async () => null,
})
`

/** How long a job is kept, by its `expires_at`. */
const keptMs = ({ finished_at, expires_at }: JobResource) =>
  Date.parse(expires_at ?? '') - Date.parse(finished_at ?? '')

test('a job is kept as long as its type, its end and its submission say, and gives way beyond the limit of all results', async () => {
  const jobs = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(jobs, { recursive: true }))
  await writeFile(join(jobs, 'short-lived.ts'), ofType)
  const { api } = await startStack({ env: { JOBS_DIR: jobs, RESULT_MIN_MS: '0', RESULT_MAX_COUNT: '8' } })
  const run = (type: string, input: unknown, options: Record<string, unknown> = {}) =>
    submit(api.url, type, input, { waitS: 10, ...options })

  const plain = await run('echo', 1)
  expect([keptMs(plain.body), plain.body.result_ttl_ms]).toEqual([dayMs, null])
  const failed = await run('sleep', { duration_ms: 0, fail_at: 0 })
  expect([failed.body.state, keptMs(failed.body)]).toEqual(['failed', 7 * dayMs])
  expect(keptMs((await run('short-lived', null)).body)).toBe(60_000)
  const own = await run('short-lived', null, { result_ttl_ms: 1000 })
  expect([keptMs(own.body), own.body.result_ttl_ms]).toEqual([1000, 1000])
  const pointers = async (body: unknown, path = 'jobs') => {
    const answer = await send<{ errors: { pointer: string }[] }>('POST', `${api.url}/v1/${path}`, { body })
    return [answer.status, answer.body.errors?.map(({ pointer }) => pointer)]
  }
  const tooLong = { type: 'short-lived', input: null, result_ttl_ms: 60_001 }
  expect(await pointers(tooLong)).toEqual([400, ['/result_ttl_ms']])
  const inFlow = { flow: { type: 'echo', input: 1, result_ttl_ms: 5000 } }
  expect(await pointers(inFlow, 'flows')).toEqual([400, ['/flow/result_ttl_ms']])
  await waitFor(
    'the job to be removed after its own retention',
    () => read(api.url, own.body.id),
    ({ status }) => status === 404,
  )

  for (let n = 0; n < 20; n++) await run('echo', n)
  const gone = await waitFor(
    'the oldest to give way',
    () => read(api.url, plain.body.id),
    ({ status }) => status === 410,
  )
  expect(Object(gone.body).code).toBe('job_evicted')
  const list = () => send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?limit=100`)
  const kept = await waitFor('the limit to hold', list, ({ body }) => body.items.length === 8)
  const states = kept.body.items.map(({ state }) => state)
  expect(states).toEqual([...Array.from({ length: 7 }, () => 'succeeded'), 'failed'])
}, 120_000)

test('the bytes of a tenant have a quota: its own results give way, and then its submissions are refused', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other], { acme: { max_bytes: 500_000 } })
  const { api } = await startStack({ env: { API_KEYS_FILE: path, RESULT_MIN_MS: '0' } })
  const input = 'x'.repeat(50_000)
  const post = (key: typeof acme, more: object = {}, headers: Record<string, string> = {}) =>
    send<JobResource & { code: string; detail: string }>('POST', `${api.url}/v1/jobs`, {
      body: { type: 'echo', input, ...more },
      headers: { ...key.headers, ...headers },
    })
  const first = await post(acme, {}, { prefer: 'wait=50' })
  const theirs = await post(other, {}, { prefer: 'wait=50' })
  for (let n = 0; n < 14; n++) {
    const { status, body } = await post(acme, {}, { prefer: 'wait=50' })
    expect([status, body.state]).toEqual([200, 'succeeded'])
  }
  const readAs = (key: typeof acme, id: string) =>
    send<{ code: string }>('GET', `${api.url}/v1/jobs/${id}`, { headers: key.headers })
  expect(await readAs(acme, first.body.id)).toMatchObject({ status: 410, body: { code: 'job_evicted' } })
  expect((await readAs(other, theirs.body.id)).status).toBe(200)

  const later = { delay_ms: 3_600_000 }
  const statuses: number[] = []
  for (let n = 0; n < 8; n++) statuses.push((await post(acme, later)).status)
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 202))
  const refused = await waitFor(
    'the quota to be used up',
    () => post(acme, later),
    ({ status }) => status !== 202,
  )
  expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded'])
  expect(refused.body.detail).toMatch(/^Your tenant is limited to 500000 bytes/)
  expect(refused.headers.get('ratelimit')).toBe('"bytes";r=0')
  expect((await post(other, later)).status).toBe(202)
}, 120_000)
