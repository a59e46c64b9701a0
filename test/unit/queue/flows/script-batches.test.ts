import { expect, test } from 'vitest'
import type { FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { FlowPlan, type JobNode } from '../../../../src/queue/flows/model/plan.ts'
import { scriptBatches } from '../../../../src/queue/flows/script-batches.ts'

/** The jobs of a gather, one in each of `queues`. */
function jobsIn(queues: string[]): JobNode[] {
  const job = (queue: string) => ({ job: { type: 'echo', queue, attempts: 1, record: { tenant: '-', input: 1 } } })
  const tree: FlowNode = { gather: queues.map(job), onFailure: 'fail_fast' }
  return [...new FlowPlan(tree, []).jobs()]
}

const sizes = (nodes: JobNode[], argsOf: (node: JobNode) => (string | number)[]) =>
  [...scriptBatches(nodes, argsOf)].map((batch) => [batch.queue, batch.nodes.length, batch.args.length])

test('a batch holds jobs of one queue, in their order, each with its arguments', () => {
  const nodes = jobsIn(['io', 'cpu', 'io'])
  const batches = [...scriptBatches(nodes, ({ n }) => [n, 'x'])]
  expect(batches).toEqual([
    { queue: 'io', nodes: [nodes[0], nodes[2]], args: [1, 'x', 3, 'x'] },
    { queue: 'cpu', nodes: [nodes[1]], args: [2, 'x'] },
  ])
  expect([...scriptBatches([], () => [])]).toEqual([])
})

test('a batch ends at 200 jobs, or with the job that reaches two million characters', () => {
  const many = jobsIn(Array.from({ length: 401 }, () => 'io'))
  expect(sizes(many, () => ['x'])).toEqual([
    ['io', 200, 200],
    ['io', 200, 200],
    ['io', 1, 1],
  ])
  const large = 'x'.repeat(1_500_000)
  expect(sizes(many.slice(0, 3), () => [1, large])).toEqual([
    ['io', 2, 4],
    ['io', 1, 2],
  ])
})
