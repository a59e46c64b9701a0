import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { type Answer, read, send, submit, watchToEnd } from '../helpers/client.ts'
import { echo, job, readFlow, results, submitFlow } from '../helpers/flows.ts'
import { checkOutReleased, hasReleased, released } from '../helpers/released.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

/** Six processes start at once. */
const patience = { timeout: 180_000 }
const env = { LOCK_MS: '3000', WEBHOOK_SECRETS: webhookSecret('a') }

/** Submits jobs of every kind and waits for their ends. */
async function runAllKinds({ api: { url }, env: { KEY_PREFIX: prefix = '' } }: Stack): Promise<void> {
  const receiver = await receiveWebhooks()
  const waited = { waitS: 30 }
  const text = 'x'.repeat(300_000)
  const flow = {
    chain: [
      echo([5, 10]),
      { map: { over: { $output: '' }, node: job('count-primes', { limit: { $item: '' } }) } },
      { gather: [echo({ $output: '/0/count' }), echo({ $output: '/1/largest' })] },
    ],
  }
  const running = await submit(url, 'sleep', { duration_ms: 60_000 })
  await waitFor(
    'its start',
    () => read(url, running.body.id),
    ({ body }) => body.state === 'running',
  )
  const [canceled, large, thread, child, retried, late, delayed, hooked, watched, ended] = await Promise.all([
    send('POST', `${url}/v1/jobs/${running.body.id}/cancel`).then(() => read(url, running.body.id, 30)),
    submit(url, 'echo', text, waited),
    submit(url, 'burn-cpu', { duration_ms: 50 }, waited),
    submit(url, 'burn-cpu-isolated', { duration_ms: 50 }, waited),
    submit(url, 'burn-cpu', { behavior: 'throw' }, { ...waited, attempts: 2 }),
    submit(url, 'sleep', { duration_ms: 60_000 }, { ...waited, deadline_ms: 1000 }),
    submit(url, 'echo', 1, { ...waited, delay_ms: 500 }),
    submit(url, 'echo', 1, { ...waited, webhook: { url: receiver.url } }),
    submit(url, 'sleep', { duration_ms: 500, steps: 5 }).then(({ body }) => watchToEnd(url, body.id)),
    submitFlow(url, flow, waited),
  ])
  expect(canceled.body.state).toBe('canceled')
  for (const { body } of [large, thread, child, delayed, hooked]) expect(body).toMatchObject({ state: 'succeeded' })
  expect((await send('GET', `${url}/v1/jobs/${large.body.id}/output`)).body).toBe(text)
  expect(retried.body).toMatchObject({ state: 'failed', attempt: 2 })
  expect(late.body).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } })
  expect((await receiver.received(1))[0]?.payload.data).toMatchObject({ id: hooked.body.id })
  expect(watched.filter(({ event }) => event === 'progress')).toHaveLength(5)
  expect(watched.at(-1)?.event).toBe('done')
  expect((await readFlow(url, ended.body.id, 30)).body).toMatchObject({ state: 'succeeded' })
  expect((await results(url, ended.body.id)).at(-1)?.output).toEqual([2, 7])

  const body = { every_ms: 1000, job: { type: 'echo', input: prefix, tags: ['tick'] } }
  expect((await send('PUT', `${url}/v1/schedules/tick`, { body })).status).toBeLessThan(300)
  await waitFor(
    'a tick',
    () => send<{ items: JobResource[] }>('GET', `${url}/v1/jobs?tag=tick`),
    (answer) => answer.body.items.some(({ state }) => state === 'succeeded'),
  )
  await send('DELETE', `${url}/v1/schedules/tick`)
}

/** How long a wait for a job of 150 ms takes, in ms: the shortest of each stack, measured in turns: a busy machine makes others longer. */
async function shortestWaits(stacks: Stack[]): Promise<number[]> {
  const times = stacks.map((): number[] => [])
  for (let n = 0; n < 7; n++) {
    for (const [k, { api }] of stacks.entries()) {
      const from = performance.now()
      const { body }: Answer<JobResource> = await submit(api.url, 'sleep', { duration_ms: 150 }, { waitS: 30 })
      expect(body.state).toBe('succeeded')
      times[k]?.push(performance.now() - from)
    }
  }
  return times.map((each) => Math.min(...each))
}

// A shallow clone does not have the released version.
test.skipIf(!hasReleased())(
  `version ${released.version} and this one work together: each as API with the other as worker`,
  patience,
  async () => {
    const code = await checkOutReleased(onTestFinished)
    const [oldApi, newApi, same] = await Promise.all([
      startStack({ env, apiCode: code }),
      startStack({ workers: 0, env }),
      startStack({ env }),
    ])
    await newApi.addWorker({}, code)
    await Promise.all([oldApi, newApi].map(runAllKinds))
    const [withOldApi = 0, withOldWorker = 0, withSame = 0] = await shortestWaits([oldApi, newApi, same])
    expect(withOldApi).toBeLessThan(2 * withSame)
    expect(withOldWorker).toBeLessThan(2 * withSame)

    // What the released version has stored, this one reads.
    const upgraded = await oldApi.addApi()
    const idsOf = async (url: string) =>
      (await send<{ items: JobResource[] }>('GET', `${url}/v1/jobs?limit=100`)).body.items.map(
        ({ id, state }) => `${id} ${state}`,
      )
    expect(await idsOf(upgraded.url)).toEqual(await idsOf(oldApi.api.url))
  },
)
