import { expect, test } from 'vitest'
import { estimateStart } from '../../../../src/queue/model/estimate-start.ts'

test.each([
  { ahead: 0, endedInMinute: 100, endedInTenMinutes: 900, earliest: 0, latest: 750, windowMs: 60_000 },
  { ahead: 50, endedInMinute: 100, endedInTenMinutes: 900, earliest: 25_000, latest: 38_250, windowMs: 60_000 },
  { ahead: 9, endedInMinute: 2, endedInTenMinutes: 16, earliest: 225_000, latest: 750_000, windowMs: 600_000 },
  { ahead: 9, endedInMinute: 0, endedInTenMinutes: 4, earliest: 675_000, latest: undefined, windowMs: 600_000 },
  { ahead: 9, endedInMinute: 0, endedInTenMinutes: 0, earliest: 0, latest: undefined, windowMs: 600_000 },
])('$ahead ahead, $endedInMinute ended in a minute, $endedInTenMinutes in ten', (given) => {
  const { earliest, latest, windowMs, ...known } = given
  const now = 1_700_000_000_000
  const estimate = estimateStart({ now, ...known })
  expect(estimate.earliestAt - now).toBe(earliest)
  expect(estimate.latestAt === undefined ? undefined : estimate.latestAt - now).toBe(latest)
  expect(estimate.basis.windowMs).toBe(windowMs)
})
