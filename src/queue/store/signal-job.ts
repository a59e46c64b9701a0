import { signalLimits } from '../../jobs/job-wait.ts'
import { bullIdOf, type JobRef } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const script = loadScript('bullmq/signal-job')

/** What became of a signal. `known`: the first of its name came before. `done`: its run has ended, or can only end. */
export type Received = 'kept' | 'known' | 'missing' | 'done' | 'too_many'

/** Gives a job a signal, and brings it back where it is parked for it, atomically. @param payload as JSON. @throws QueueUnavailableError */
export async function signalJob(
  { redis, keys }: { redis: Redis; keys: Keys },
  ref: JobRef,
  name: string,
  payload: string,
): Promise<Received> {
  const args = [bullIdOf(ref), keys.bull(ref.queue, ''), name, payload, signalLimits.names]
  return (await whenAvailable(script(redis, [keys.job(ref)], args))) as Received
}
