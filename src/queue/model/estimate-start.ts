/** What was measured of a queue: so many jobs ended in so many ms. */
interface Measured {
  ended: number
  windowMs: number
}

/** When a job may start, in epoch ms. `latestAt` undefined: nothing bounds it. */
export interface StartEstimate {
  earliestAt: number
  latestAt: number | undefined
  basis: Measured
}

/** Below so many ends in the last minute those of the last ten are more certain. */
const minEnded = 10

/**
 * When a job starts that so many are ahead of, if the queue goes on as it did: one that has jobs waiting starts one when one ends. The bounds are
 * two standard deviations of a count of random events, in each direction.
 */
export function estimateStart(known: {
  now: number
  ahead: number
  endedInMinute: number
  endedInTenMinutes: number
}): StartEstimate {
  const { now, ahead, endedInMinute, endedInTenMinutes } = known
  const basis =
    endedInMinute >= minEnded
      ? { ended: endedInMinute, windowMs: 60_000 }
      : { ended: endedInTenMinutes, windowMs: 600_000 }
  const deviation = 2 * Math.sqrt(basis.ended)
  const msEach = (ended: number) => basis.windowMs / ended
  const fewest = basis.ended - deviation
  const earliestAt = basis.ended === 0 ? now : now + Math.floor(ahead * msEach(basis.ended + deviation))
  return { earliestAt, latestAt: fewest > 0 ? now + Math.ceil((ahead + 1) * msEach(fewest)) : undefined, basis }
}
