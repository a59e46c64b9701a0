import { pino } from 'pino'
import { expect, test } from 'vitest'
import { logHeldQueue } from '../../../src/api/submission/log-held-queue.ts'

test('submissions to a queue whose jobs do not start are logged once for many, for each queue of each API', () => {
  const lines: Record<string, unknown>[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const [one, other] = [{}, {}]
  const held = { kind: 'no_worker', since: 0 } as const
  for (let n = 0; n < 100; n++) logHeldQueue(log, one, 'io', held)
  logHeldQueue(log, one, 'cpu', held)
  logHeldQueue(log, other, 'io', { kind: 'paused', since: 0 })
  expect(lines).toMatchObject([
    { queue: 'io', held_by: 'no_worker', submissions: 1 },
    { queue: 'cpu', held_by: 'no_worker', submissions: 1 },
    { queue: 'io', held_by: 'paused', submissions: 1 },
  ])
})
