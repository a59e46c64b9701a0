import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { FlowEvaluation } from '../../../../src/queue/flows/model/evaluation.ts'
import { FlowPlan, type PlanNode } from '../../../../src/queue/flows/model/plan.ts'
import { nodesGivenUp, planRetry } from '../../../../src/queue/flows/model/retry-plan.ts'
import { chain, gather, job, map } from './trees.ts'

const nameOf = ({ path }: PlanNode) => path.slice('/flow'.length)

/** Runs a flow to its end; `fails` says which jobs do. Maps get two items. */
function run(tree: FlowNode, fails: (path: string) => boolean) {
  const plan = new FlowPlan(tree, [])
  const evaluation = new FlowEvaluation(plan)
  let next = 1000
  for (;;) {
    const { release, cancel, expand } = evaluation.takeActions()
    if (release.length + cancel.length + expand.length === 0) break
    for (const node of cancel) evaluation.record(node, 'canceled')
    for (const node of expand) {
      const expanded = plan.expand({ node: node.n, first: next, items: [1, 2] })
      next += 1000
      if (expanded) evaluation.expanded(expanded)
    }
    for (const node of release) evaluation.record(node, fails(nameOf(node)) ? 'failed' : 'succeeded')
  }
  return { plan, evaluation }
}

function retry(tree: FlowNode, failed: string[], chosen?: string[]) {
  const { plan, evaluation } = run(tree, (path) => failed.includes(path))
  const members = chosen && [...plan.jobs()].filter((node) => chosen.includes(nameOf(node)))
  const { jobs, maps, collapsed } = planRetry(plan, evaluation, members)
  return { jobs: jobs.map(nameOf).toSorted(), maps: maps.map(nameOf), collapsed: collapsed.map(nameOf) }
}

test('a retry runs what did not succeed, also in a flow that succeeded', () => {
  const tree = gather('continue', job, job, chain(job, job, job))
  expect(retry(tree, ['/gather/1', '/gather/2/chain/1']).jobs).toEqual([
    '/gather/1',
    '/gather/2/chain/1',
    '/gather/2/chain/2',
  ])
  expect(retry(tree, []).jobs).toEqual([])
})

test('given members alone run again, with what comes after them and what their group failed with', () => {
  const members = gather('continue', chain(job, job), job, gather('fail_fast', job, job))
  const failed = ['/chain/0/gather/0/chain/0', '/chain/0/gather/1', '/chain/0/gather/2/gather/0']
  const tree = chain(members, job, gather('continue', job))
  const after = ['/chain/1', '/chain/2/gather/0']
  expect(retry(tree, failed, ['/chain/0/gather/1']).jobs).toEqual(['/chain/0/gather/1', ...after])
  expect(retry(tree, failed, ['/chain/0/gather/0/chain/0']).jobs).toEqual([
    '/chain/0/gather/0/chain/0',
    '/chain/0/gather/0/chain/1',
    ...after,
  ])
  expect(retry(tree, [...failed, '/chain/0/gather/2/gather/1'], ['/chain/0/gather/2/gather/0']).jobs).toEqual([
    '/chain/0/gather/2/gather/0',
    '/chain/0/gather/2/gather/1',
    ...after,
  ])
})

test('a map after what runs again is expanded anew, a map whose items are in the tree is not', () => {
  const items = { map: { over: [1, 2], node: job, limit: 10, onFailure: 'continue' as const } }
  const tree = chain(gather('continue', job, job), map('continue', chain(job, map('continue', job))), items)
  const { jobs, collapsed } = retry(tree, ['/chain/0/gather/1'])
  expect(collapsed).toEqual(['/chain/1'])
  expect(jobs).toEqual(['/chain/0/gather/1', '/chain/2/map/0', '/chain/2/map/1'])
})

test('a member of a map that failed runs again, and its map keeps its items', () => {
  expect(retry(chain(job, map('continue', chain(job, job))), ['/chain/1/map/0/chain/0'])).toEqual({
    jobs: ['/chain/1/map/0/chain/0', '/chain/1/map/0/chain/1'],
    maps: [],
    collapsed: [],
  })
})

const { tree: trees } = fc.letrec<{ tree: FlowNode }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(job),
    fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map((nodes) => chain(...nodes)),
    fc
      .tuple(
        fc.constantFrom('continue' as const, 'fail_fast' as const),
        fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
      )
      .map(([onFailure, nodes]) => gather(onFailure, ...nodes)),
    fc
      .tuple(fc.constantFrom('continue' as const, 'fail_fast' as const), tie('tree'))
      .map(([onFailure, node]) => map(onFailure, node)),
  ),
}))

test('after a retry the chosen jobs run, and the flow ends: without a failed job when all are retried', () => {
  const property = fc.property(
    trees,
    fc.infiniteStream(fc.boolean()),
    fc.integer({ min: 0, max: 3 }),
    (tree, coins, pick) => {
      const failing = new Map<string, boolean>()
      const { plan, evaluation } = run(tree, (path) => {
        if (!failing.has(path)) failing.set(path, coins.next().value === true)
        return failing.get(path) === true
      })
      const failed = [...plan.jobs()].filter((node) => evaluation.endOf(node)?.state === 'failed')
      const chosen =
        pick === 0 || failed.length === 0
          ? undefined
          : [failed[pick % failed.length] ?? failed[0]].flatMap((one) => one ?? [])
      const retried = planRetry(plan, evaluation, chosen)
      const again = new Set<PlanNode>([...retried.jobs, ...retried.maps])
      const gone = new Set(nodesGivenUp(retried))
      // The next run begins with the ends that are kept.
      const next = new FlowPlan(tree, expansionsOf(plan, new Set([...retried.collapsed, ...gone])))
      const second = new FlowEvaluation(next)
      for (const node of plan.nodes()) {
        const end = evaluation.endOf(node)
        const same = next.node(node.n)
        if (node.kind === 'job' && end && same && !again.has(node) && !gone.has(node)) second.record(same, end.state)
      }
      const released = new Set<number>()
      let free = 100_000
      for (;;) {
        const { release, cancel, expand } = second.takeActions()
        if (release.length + cancel.length + expand.length === 0) break
        for (const node of cancel) second.record(node, 'canceled')
        for (const node of expand) {
          const expanded = next.expand({ node: node.n, first: free, items: [1, 2] })
          free += 1000
          if (expanded) second.expanded(expanded)
        }
        for (const node of release) {
          released.add(node.n)
          second.record(node, 'succeeded')
        }
      }
      expect(second.end).toBeDefined()
      for (const node of chosen ?? []) expect(released.has(node.n), nameOf(node)).toBe(true)
      if (chosen) return
      for (const node of next.jobs()) expect(second.endOf(node)?.state, nameOf(node)).toBe('succeeded')
    },
  )
  fc.assert(property, { numRuns: 2000 })
})

/** The expansions of a plan, without those of some maps. */
function* expansionsOf(plan: FlowPlan, without: Set<PlanNode>) {
  for (const node of plan.nodes()) {
    if (node.kind === 'map' && node.expansion && !without.has(node)) yield node.expansion
  }
}
