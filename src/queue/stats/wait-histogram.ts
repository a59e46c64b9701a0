/** The bounds of two buckets differ by this factor, so a percentile is at most a fifth away from the true one. */
const factor = Math.SQRT2
/** The last bucket begins at about 70 minutes. */
export const maxBucket = 44

/** The bucket of a wait of so many ms. Bucket 0 has those below 1 ms. */
export function bucketOf(ms: number): number {
  if (!(ms >= 1)) return 0
  return Math.min(maxBucket, 1 + Math.floor(Math.log(ms) / Math.log(factor) + 1e-9))
}

/**
 * The wait in ms that the share `q` of all waits does not exceed, taken from the middle of its bucket; null where there is none.
 *
 * @param counts how many waits each bucket has
 * @param q 0 to 1
 */
export function percentile(counts: Float64Array, q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    seen += count
    if (count > 0 && seen >= q * total) return bucket === 0 ? 0 : Math.round(factor ** (bucket - 0.5))
  }
  return null
}
