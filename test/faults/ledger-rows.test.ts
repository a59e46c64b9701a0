import { expect, test } from 'vitest'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { executorRows } from '../ledger/rows/executors.ts'
import { redisRows } from '../ledger/rows/redis.ts'
import { workerRows } from '../ledger/rows/workers.ts'
import { runRow } from '../ledger/run-row.ts'

// The short form of `npm run faults`: rows that start no process beside those of their world.
const names = ['worker-sigstop', 'redis-sigkill', 'child-sigkill']
const rows = [...workerRows, ...redisRows, ...executorRows].filter(({ name }) => names.includes(name))

test.skipIf(!canOwnRedis).each(rows)('$title: no job is lost, none ends twice', { timeout: 150_000 }, async (row) => {
  const result = await runRow(row, 7)
  expect(result).toMatchObject({ lost: 0, endedTwice: 0 })
  expect(result.accepted).toBeGreaterThan(50)
  expect(result.recoveryMs).toBeLessThan(60_000)
})
