import { expect, test } from 'vitest'
import {
  decodeSchedule,
  encodeDefinition,
  type ScheduleDefinition,
} from '../../../../src/queue/schedules/schedule-record.ts'

const definition: ScheduleDefinition = {
  timing: { kind: 'every', everyMs: 1000, anchor: 5 },
  paused: false,
  overlap: 'skip',
  job: { type: 'echo', queue: 'io', attempts: 3, record: { tenant: '-', input: 1 } },
  request: { type: 'echo', input: 1 },
  createdAt: 1,
  updatedAt: 2,
}

test('a schedule is read as it was stored', () => {
  const stored = encodeDefinition(definition)
  // The names of stored fields do not change: schedules of earlier versions must stay readable.
  expect(JSON.parse(stored)).toEqual({
    v: 1,
    timing: { kind: 'every', everyMs: 1000, anchor: 5 },
    paused: false,
    overlap: 'skip',
    job: { type: 'echo', queue: 'io', attempts: 3, record: { tenant: '-', input: 1 } },
    said: { type: 'echo', input: 1 },
    createdAt: 1,
    updatedAt: 2,
  })
  const hash = { definition: stored, revision: 'r', era: 'e', next: '7', lastTick: '', skipped: '2' }
  expect(decodeSchedule({ tenant: '-', id: 'nightly' }, hash)).toMatchObject({
    tenant: '-',
    id: 'nightly',
    definition,
    revision: 'r',
    next: 7,
    lastTick: undefined,
    skipped: 2,
  })
})

test('a schedule that is missing, or of another version, is treated as absent', () => {
  const ref = { tenant: '-', id: 'nightly' }
  expect(decodeSchedule(ref, {})).toBeUndefined()
  expect(decodeSchedule(ref, { definition: encodeDefinition(definition).replace('"v":1', '"v":2') })).toBeUndefined()
})
