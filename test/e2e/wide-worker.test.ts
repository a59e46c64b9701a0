import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { sleep, submitFlow } from '../helpers/flows.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

interface Counts {
  counts: { running: number; queued: number }
}

test('a worker with a high concurrency runs exactly so many jobs at once, and returns all of them when it stops', async () => {
  const width = 601
  const { api, workers } = await startStack({ env: { WORKER_QUEUES: `io:${width}`, SHUTDOWN_GRACE_MS: '100' } })
  const flow = await submitFlow(api.url, { gather: Array.from({ length: width + 50 }, () => sleep(60_000)) })
  expect(flow.status).toBe(202)

  const counts = async () => (await send<Counts>('GET', `${api.url}/v1/queues/io`)).body.counts
  const full = await waitFor(
    'a full worker',
    counts,
    ({ running, queued }) => running + queued === width + 50 && running >= width,
    { withinMs: 40_000 },
  )
  expect(full.running).toBe(width)

  workers[0]?.signal('SIGTERM')
  expect(await workers[0]?.ended).toBe(0)
  expect(await counts()).toMatchObject({ running: 0, queued: width + 50 })
  expect(workers[0]?.stderr).toEqual([])
}, 120_000)
