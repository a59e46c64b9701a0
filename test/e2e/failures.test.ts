import { expect, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { webhookSecret } from '../helpers/webhook-receiver.ts'

interface Group {
  fingerprint: string
  type: string
  code: string
  message: string
  count: number
  total: number
  first_seen_at: string
  last_seen_at: string
  latest_job_id: string
  links: { jobs: string }
}
interface Delivery {
  id: string
  job_id: string | null
  state: string
  links: { resend: string }
}

test('failed jobs are grouped by what they have in common, and found by it until they are retried or deleted', async () => {
  const [acme, beta] = [makeKey('acme'), makeKey('beta')]
  const { path } = await keysFile([acme, beta])
  const { api } = await startStack({ env: { API_KEYS_FILE: path } })
  const { headers } = acme
  const fail = async (failAt: number) => {
    const input = { duration_ms: 10, steps: 20, fail_at: failAt }
    const waiting = { ...headers, prefer: 'wait=50' }
    const answer = await send<{ id: string }>('POST', `${api.url}/v1/jobs`, {
      body: { type: 'sleep', input, attempts: 1 },
      headers: waiting,
    })
    return answer.body.id
  }
  const groups = async (query = '', of = headers) =>
    (await send<{ items: Group[] }>('GET', `${api.url}/v1/failures${query}`, { headers: of })).body.items
  const first = await fail(3)
  const second = await fail(17)
  const [group, ...others] = await groups()
  expect(others).toEqual([])
  expect(group).toMatchObject({ type: 'sleep', code: 'job_failed', count: 2, total: 2, latest_job_id: second })
  expect(group?.message).toContain('*')
  expect(Date.parse(group?.first_seen_at ?? '')).toBeLessThan(Date.parse(group?.last_seen_at ?? ''))
  expect(await groups('?type=echo')).toEqual([])
  expect(await groups('', beta.headers)).toEqual([])

  const listed = async (of = headers) =>
    (await send<{ items: { id: string }[] }>('GET', api.url + (group?.links.jobs ?? ''), { headers: of })).body.items
  expect((await listed()).map(({ id }) => id)).toEqual([second, first])
  expect(await listed(beta.headers)).toEqual([])
  const bad = await send('GET', `${api.url}/v1/jobs?fingerprint=x`, { headers })
  expect(bad).toMatchObject({ status: 400, body: { code: 'invalid_request' } })

  expect((await send('DELETE', `${api.url}/v1/jobs/${second}`, { headers })).status).toBe(204)
  expect(await groups()).toMatchObject([{ count: 1, latest_job_id: first }])
  await send('POST', `${api.url}/v1/jobs/${first}/retry`, { headers })
  await send('GET', `${api.url}/v1/jobs/${first}`, { headers: { ...headers, prefer: 'wait=50' } })
  expect(await groups()).toMatchObject([{ fingerprint: group?.fingerprint, count: 1, total: 3 }])
  await send('DELETE', `${api.url}/v1/jobs/${first}`, { headers })
  expect(await groups()).toEqual([])
}, 120_000)

test('deliveries of all webhooks are listed by state, and a schedule runs now', async () => {
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  // Nobody listens there.
  const webhook = { url: 'http://127.0.0.1:9/hook' }
  const { body: job } = await submit(api.url, 'echo', 1, { webhook, waitS: 20 })
  const list = async (query: string) =>
    (await send<{ items: Delivery[]; next_cursor: null }>('GET', `${api.url}/v1/deliveries${query}`)).body
  const { items } = await waitFor(
    'the first attempt',
    () => list('?state=scheduled'),
    ({ items: some }) => some.length === 1,
  )
  expect(items).toMatchObject([
    { job_id: job.id, flow_id: null, state: 'scheduled', url: webhook.url, error: { code: expect.any(String) } },
  ])
  expect(items[0]?.links.resend).toBe(`/v1/jobs/${job.id}/deliveries/${items[0]?.id}/resend`)
  expect(await list('?state=failed')).toEqual({ items: [], next_cursor: null })
  expect((await list('')).items).toHaveLength(1)
  expect((await send('GET', `${api.url}/v1/deliveries?state=lost`)).status).toBe(400)
  await send('DELETE', `${api.url}/v1/jobs/${job.id}`)
  expect((await list('')).items.filter(({ state }) => state !== 'canceled')).toEqual([])

  const schedule = { cron: '0 3 * * *', timezone: 'UTC', paused: true, job: { type: 'echo', input: 'now' } }
  await send('PUT', `${api.url}/v1/schedules/nightly`, { body: schedule })
  const key = { 'idempotency-key': 'run-1' }
  const run = await send<{ id: string; input: unknown }>('POST', `${api.url}/v1/schedules/nightly/run`, {
    headers: key,
  })
  expect(run).toMatchObject({ status: 202, body: { type: 'echo', input: 'now' } })
  expect(run.headers.get('location')).toBe(`/v1/jobs/${run.body.id}`)
  const again = await send<{ id: string }>('POST', `${api.url}/v1/schedules/nightly/run`, { headers: key })
  expect(again.body.id).toBe(run.body.id)
  expect((await read(api.url, run.body.id, 20)).body).toMatchObject({ state: 'succeeded', output: 'now' })
  const missing = await send('POST', `${api.url}/v1/schedules/other/run`)
  expect(missing).toMatchObject({ status: 404, body: { code: 'schedule_not_found' } })
}, 120_000)
