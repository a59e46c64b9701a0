import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { keepingJobs } from '../helpers/keeping-jobs.ts'
import { serve } from '../helpers/local-site.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { executors, readAllValues, upTo } from '../helpers/yielding-jobs.ts'

/** A site that keeps the fence of each request. */
async function receiveFences() {
  const fences: unknown[] = []
  const { url } = await serve((request, response) => {
    fences.push(request.headers['drover-fence'])
    response.end()
  })
  return { url, fences }
}

/** Sends its fence to an origin that it names, and to one that it does not, and fails at its first start. */
const fenced = (origin: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'fenced', title: 'Sends its fence', runsOn: 'process', attempts: 2, backoff: { type: 'fixed', delayMs: 1 },
    fenceOrigins: ['${origin}'],
    input: z.object({ other: z.url() }),
    output: z.int(),
    async run({ other }, job) {
      for (const url of ['${origin}/', other]) await job.fetch(url)
      if (job.attempt === 1) throw new Error('once more')
      return job.fence
    },
  })`

test('a retried attempt goes on from the checkpoint, and a new run begins anew: all executors', async () => {
  const [named, other] = await Promise.all([receiveFences(), receiveFences()])
  const dir = await keepingJobs()
  await writeFile(join(dir, 'fenced.ts'), fenced(new URL(named.url).origin))
  const { api } = await startStack({ env: { JOBS_DIR: dir, WORKER_QUEUES: 'io:20,cpu:4' } })
  const effects = async (id: string) =>
    (await watchToEnd(api.url, id, 0)).filter(({ data }) => Object(data).message === 'effect').length
  const backoff = { type: 'fixed', delay_ms: 1500, jitter: 0 }
  await Promise.all(
    executors.map(async (on) => {
      const type = `keep-${on}`
      const { id } = (await submit(api.url, type, { count: 40, fail_at: 35 }, { attempts: 2, backoff })).body
      const waiting = await waitFor(
        'its backoff',
        () => read(api.url, id),
        ({ body }) => body.state === 'scheduled',
      )
      expect(waiting.body.checkpoint).toMatchObject({ size_bytes: expect.any(Number) })
      const { body } = await read(api.url, id, 15)
      expect(body).toMatchObject({
        state: 'succeeded',
        attempt: 2,
        checkpoint: null,
        output: { from: 30, token: 'token of 1000001', fence: 1_000_002 },
      })
      expect(await readAllValues(api.url, id)).toEqual(upTo(40))
      expect(await effects(id)).toBe(1)

      const failed = (await submit(api.url, type, { count: 20, fail_at: 15 }, { waitS: 15 })).body
      expect(failed).toMatchObject({ state: 'failed', checkpoint: { size_bytes: expect.any(Number) } })
      expect((await send('POST', `${api.url}/v1/jobs/${failed.id}/retry`)).status).toBe(202)
      const again = (await read(api.url, failed.id, 15)).body
      // It fails again at the same place, which it had left behind with a checkpoint of the run before.
      expect(again).toMatchObject({ state: 'failed', run: 2 })
      expect(await effects(failed.id)).toBe(2)
      expect(await readAllValues(api.url, failed.id)).toEqual(upTo(15))
    }),
  )
  expect((await submit(api.url, 'fenced', { other: other.url }, { waitS: 30 })).body.output).toBe(1_000_002)
  expect([named.fences, other.fences]).toEqual([
    ['1000001', '1000002'],
    [undefined, undefined],
  ])
  const list = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?type=keep-thread`)
  expect(list.body.items.map(({ state, checkpoint }) => [state, checkpoint === null])).toEqual([
    ['failed', false],
    ['succeeded', true],
  ])
})
