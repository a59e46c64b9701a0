import { decodeFailure, type StoredFailure } from '../model/failure.ts'
import type { JobRef } from '../model/job-id.ts'
import { isLarge } from '../model/payload.ts'
import { decodeStoredOutput } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { readWholeOutput } from '../store/job-output.ts'
import { flowBounds } from './model/document.ts'

/**
 * The output of a job as JSON, or its failure. `too_large`: the output is larger than an input may be. `missing`: the job was removed,
 * or has not ended. `large`: the output is beside the job, was not read, and has so many bytes.
 */
export type JobResult =
  | { status: 'succeeded'; output: string }
  | { status: 'failed'; failure: StoredFailure }
  | { status: 'too_large' | 'missing' }
  | { status: 'large'; bytes: number }

/**
 * Reads the output or the failure of a job, without its input.
 *
 * @param view `small`: a large output that is stored beside its job is not read
 * @throws QueueUnavailableError
 */
export async function readJobResult(
  deps: { redis: Redis; keys: Keys },
  ref: JobRef,
  view: 'whole' | 'small' = 'whole',
): Promise<JobResult> {
  const fields = ['finishedOn', 'returnvalue', 'failedReason', 'outputName', 'outputBytes']
  const values = await whenAvailable(deps.redis.hmget(deps.keys.job(ref), ...fields))
  const [finishedOn, returnvalue, failedReason, outputName, outputBytes] = values
  if (typeof finishedOn !== 'string') return { status: 'missing' }
  if (typeof returnvalue !== 'string') return { status: 'failed', failure: decodeFailure(failedReason ?? '', 0) }
  const stored = decodeStoredOutput({
    returnvalue,
    ...(typeof outputName === 'string' && { outputName, outputBytes: outputBytes ?? '0' }),
  })
  if (!stored) return { status: 'succeeded', output: returnvalue }
  if (view === 'small' && isLarge(stored.bytes)) return { status: 'large', bytes: stored.bytes }
  if (stored.bytes > flowBounds.inputBytes) return { status: 'too_large' }
  const output = await readWholeOutput(deps, ref, stored)
  return output === undefined ? { status: 'missing' } : { status: 'succeeded', output }
}
