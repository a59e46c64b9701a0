import type { HeldLease } from './lease-table.ts'
import type { JobOnLoop } from './loop-blocker.ts'

/**
 * Which leases belong to jobs that may block the event loop: the job that is being started, since nothing else runs until its first wait;
 * else the one that the main thread named, which may have been another in the same turn; where nobody knows, all of them.
 *
 * @param known `starting`: the slot of the lease, 0 for none
 */
export function suspicion(known: {
  starting: number
  blocker: JobOnLoop | undefined
  queues: readonly { name: string }[]
}): (lease: HeldLease) => boolean {
  const { starting, blocker, queues } = known
  if (starting !== 0) return ({ slot }) => slot === starting
  if (!blocker) return () => true
  const { queue, id } = blocker
  return (lease) => lease.id === id && queues[lease.queue]?.name === queue
}
