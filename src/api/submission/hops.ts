import { hopsHeader, maxHops } from '../../jobs/hops.ts'
import { Problem } from '../http/problem.ts'

/**
 * How many jobs or webhooks, one after the other, led to a request; undefined: none. A malformed header is ignored, as if it were absent.
 *
 * @throws Problem `too_many_hops`
 */
export function readHops(headers: Record<string, unknown>): number | undefined {
  const header = headers[hopsHeader]
  if (typeof header !== 'string' || !/^[1-9]\d{0,8}$/.test(header)) return undefined
  const hops = Number(header)
  if (hops <= maxHops) return hops
  const detail = `This submission comes from a job whose own submission came from a job, and so on, more than ${maxHops} times.`
  throw new Problem('too_many_hops', detail)
}
