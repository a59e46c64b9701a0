/** The bounds of two buckets differ by this factor, so a percentile is at most a fifth away from the true one. */
const factor = Math.SQRT2
/** The last bucket begins at about 70 minutes. */
const maxBucket = 44

/** The bucket of a wait of so many ms. Bucket 0 has those below 1 ms. */
export function bucketOf(ms: number): number {
  if (!(ms >= 1)) return 0
  return Math.min(maxBucket, 1 + Math.floor(Math.log(ms) / Math.log(factor) + 1e-9))
}

/** How many waits each bucket has. */
export type Histogram = ReadonlyMap<number, number>

/**
 * The wait in ms that the share `q` of all waits does not exceed, taken from the middle of its bucket; null where there is none.
 *
 * @param q 0 to 1
 */
export function percentile(histogram: Histogram, q: number): number | null {
  const buckets = Array.from(histogram).sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  let seen = 0
  for (const [bucket, count] of buckets) {
    seen += count
    if (seen >= q * total) return bucket === 0 ? 0 : Math.round(factor ** (bucket - 0.5))
  }
  return null
}
