import type { RunsOn } from '../jobs/define-job.ts'
import type { Registry } from '../jobs/registry.ts'

/** How many jobs of a kind can run at once: the sum over all queues that a job type of this kind uses. */
export function concurrencyFor(runsOn: RunsOn, registry: Registry, queues: ReadonlyMap<string, number>): number {
  const used = new Set([...registry.values()].filter(({ job }) => job.runsOn === runsOn).map(({ job }) => job.queue))
  return [...used].reduce((sum, queue) => sum + (queues.get(queue) ?? 0), 0)
}
