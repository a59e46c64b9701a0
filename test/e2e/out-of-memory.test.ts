import { expect, test } from 'vitest'
import { read, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'

// V8 ends a thread at its limit, but in rare moments it can only end the whole process. Then the worker's jobs are redelivered.
test('a thread that fills its memory fails, and a concurrent job succeeds', { timeout: 120_000 }, async () => {
  const { api, addWorker } = await startStack({ env: { LOCK_MS: '2000' } })
  await addWorker()
  const eater = await submit(api.url, 'burn-cpu', { behavior: 'exhaust_memory' }, { attempts: 1 })
  const neighbour = await submit(api.url, 'burn-cpu', { duration_ms: 2000 })
  const failed = await read(api.url, eater.body.id, 50)
  expect(failed.body.error).toMatchObject({
    code: 'out_of_memory',
    message: 'the job exceeded its memory limit of 512 MB',
  })
  expect((await read(api.url, neighbour.body.id, 50)).body.state).toBe('succeeded')
})
