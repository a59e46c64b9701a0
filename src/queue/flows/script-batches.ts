import type { JobNode } from './model/plan.ts'

/** Bounds of one call, so that it does not block Redis for more than a few ms. */
const max = { jobs: 200, characters: 2 * 1024 * 1024 }

/** The jobs of one call to a script, all of one queue, and the arguments for them. */
export interface ScriptBatch {
  queue: string
  nodes: JobNode[]
  args: (string | number)[]
}

/** Groups jobs by queue, in their order, and cuts each group into calls of bounded size. */
export function* scriptBatches(
  nodes: Iterable<JobNode>,
  argsOf: (node: JobNode) => (string | number)[],
): Generator<ScriptBatch> {
  for (const [queue, all] of Map.groupBy(nodes, ({ job }) => job.queue)) {
    let batch: ScriptBatch = { queue, nodes: [], args: [] }
    let characters = 0
    for (const node of all) {
      const args = argsOf(node)
      batch.nodes.push(node)
      batch.args.push(...args)
      for (const arg of args) characters += typeof arg === 'string' ? arg.length : 0
      if (batch.nodes.length < max.jobs && characters < max.characters) continue
      yield batch
      batch = { queue, nodes: [], args: [] }
      characters = 0
    }
    if (batch.nodes.length > 0) yield batch
  }
}
