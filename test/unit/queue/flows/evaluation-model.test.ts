import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { FlowEvaluation } from '../../../../src/queue/flows/model/evaluation.ts'
import { FlowPlan, type PlanNode } from '../../../../src/queue/flows/model/plan.ts'
import type { JobEnd } from '../../../../src/queue/model/job-states.ts'
import { NaiveEvaluation } from './naive-evaluation.ts'
import { chain, gather, job } from './trees.ts'

const onFailure = fc.constantFrom('fail_fast', 'continue')
const trees: fc.Arbitrary<FlowNode> = fc.letrec<{ node: FlowNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(job),
    fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((nodes) => chain(...nodes)),
    fc
      .tuple(onFailure, fc.array(tie('node'), { minLength: 1, maxLength: 4 }))
      .map(([mode, nodes]) => gather(mode, ...nodes)),
  ),
})).node

const states = fc.constantFrom<JobEnd>('succeeded', 'succeeded', 'succeeded', 'failed', 'canceled', 'expired')
/** Which of the jobs that could end now ends, and how. A canceled job ends as canceled, or before the cancel reached it. */
const moves = fc.array(fc.record({ pick: fc.nat(), state: states, isStop: fc.nat(40).map((n) => n === 0) }), {
  minLength: 60,
  maxLength: 60,
})

test('decides as the naive rules do after each end, in whatever order the ends come', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(trees, moves, (tree, steps) => {
      const plan = new FlowPlan(tree, [])
      const evaluation = new FlowEvaluation(plan)
      const naive = new NaiveEvaluation(plan)
      const jobs = [...plan.jobs()]
      const released = new Set<PlanNode>()
      const canceled = new Set<PlanNode>()
      const order: [PlanNode, JobEnd][] = []
      let isStopped = false
      const compare = () => {
        const { release, cancel } = evaluation.takeActions()
        for (const node of release) released.add(node)
        for (const node of cancel) canceled.add(node)
        const running = jobs.filter((node) => !naive.ends.has(node))
        // One expect() for all nodes: one per node takes most of the time of this test.
        const differences = [
          ...running
            .filter((node) => released.has(node) !== naive.started.has(node))
            .map(({ path }) => `${path}: release`),
          ...running
            .filter((node) => canceled.has(node) !== naive.canceled.has(node))
            .map(({ path }) => `${path}: cancel`),
          ...[...plan.nodes()]
            .filter((node) => !isDeepStrictEqual(evaluation.endOf(node), naive.ends.get(node)))
            .map(({ path }) => `${path}: end`),
        ]
        expect(differences).toEqual([])
      }
      compare()
      for (const { pick, state, isStop } of steps) {
        if (isStop && !isStopped) {
          isStopped = true
          evaluation.stop()
          naive.stop()
          compare()
        }
        // A job that waits for its turn can only be canceled.
        const open = jobs.filter((node) => !naive.ends.has(node))
        const node = open[pick % open.length]
        if (!node) break
        const canRun = naive.started.has(node)
        if (!canRun && !naive.canceled.has(node) && pick % 5 > 0) continue
        const ended = canRun ? state : 'canceled'
        order.push([node, ended])
        evaluation.record(node, ended)
        naive.record(node, ended)
        compare()
      }
      // No flow is ever stuck: every open job runs, is being canceled, or waits for such a job.
      for (let left = jobs.length; left > 0; left--) {
        const node = jobs.find((one) => !naive.ends.has(one) && (released.has(one) || canceled.has(one)))
        if (!node) break
        const ended = canceled.has(node) ? 'canceled' : 'succeeded'
        order.push([node, ended])
        evaluation.record(node, ended)
        naive.record(node, ended)
        compare()
      }
      expect(evaluation.end).toBeDefined()
      expect(evaluation.jobsEnded).toBe(jobs.length)
      expect(evaluation.jobsPassed).toBe(jobs.length)
      seen.set(evaluation.end?.state ?? '', (seen.get(evaluation.end?.state ?? '') ?? 0) + 1)

      // A process that reads all ends at once decides the same.
      if (!isStopped) {
        const later = new FlowEvaluation(plan)
        for (const [node, state] of order) later.record(node, state)
        for (const node of plan.nodes()) expect(later.endOf(node), node.path).toEqual(evaluation.endOf(node))
        expect(later.takeActions()).toEqual({ release: [], cancel: [], expand: [] })
      }
    }),
    { numRuns: 2000 },
  )
  expect([...seen.keys()].toSorted()).toEqual(['canceled', 'expired', 'failed', 'succeeded'])
})
