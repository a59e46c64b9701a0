import { expect, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }
const busy = { withinMs: 60_000 }

test(
  'a key is held while its worker is killed and its job starts again, and is free at its end',
  patience,
  async () => {
    const { api, workers, addWorker } = await startStack({ env: { LOCK_MS: '1000', WORKER_QUEUES: 'io:10' } })
    const unique = { key: 'account-7' }
    const held = await submit(api.url, 'sleep', { duration_ms: 1500 }, { unique })
    await waitFor(
      'its start',
      () => read(api.url, held.body.id),
      ({ body }) => body.state === 'running',
      busy,
    )
    workers[0]?.signal('SIGKILL')
    await workers[0]?.ended
    const ofKey = () => submit(api.url, 'echo', 1, { unique })
    expect((await ofKey()).body.id).toBe(held.body.id)
    await addWorker()
    const again = await waitFor(
      'its next start',
      () => read(api.url, held.body.id),
      ({ body }) => body.attempts.length === 2,
      busy,
    )
    expect(again.body.attempts[0]?.outcome).toBe('worker_lost')
    const joined = await submit(api.url, 'echo', 1, { unique, waitS: 30 })
    expect(joined.body).toMatchObject({ id: held.body.id, state: 'succeeded', attempt: 1 })
    const free = await ofKey()
    expect([free.status, free.body.id === held.body.id]).toEqual([202, false])
  },
)

test('requests of one key whose API is killed store one job, and get it when they are repeated', patience, async () => {
  const { api, addApi } = await startStack({ workers: 0 })
  const other = await addApi()
  const send20 = (url: string) =>
    Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        send<{ id: string }>('POST', `${url}/v1/jobs`, {
          body: { type: 'echo', input: n, unique: { key: 'one' } },
          headers: { 'idempotency-key': `request-${n}` },
        }),
      ),
    )
  const cut = send20(api.url)
  // As soon as one of them is stored, the others are under way.
  await waitFor(
    'a job',
    () => send<{ items: unknown[] }>('GET', `${other.url}/v1/jobs`),
    ({ body }) => body.items.length > 0,
    busy,
  )
  api.signal('SIGKILL')
  await cut
  const repeated = await send20(other.url)
  const ids = repeated.map((answer) => (answer.status === 'fulfilled' ? answer.value.body.id : 'refused'))
  const stored = await send<{ items: { id: string }[] }>('GET', `${other.url}/v1/jobs`)
  expect(stored.body.items).toHaveLength(1)
  expect(new Set(ids)).toEqual(new Set(stored.body.items.map(({ id }) => id)))
})
