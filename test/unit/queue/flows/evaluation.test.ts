import { expect, test } from 'vitest'
import { countNodes, type FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { FlowEvaluation } from '../../../../src/queue/flows/model/evaluation.ts'
import { FlowPlan } from '../../../../src/queue/flows/model/plan.ts'
import type { JobEnd } from '../../../../src/queue/model/job-states.ts'
import { chain, gather, job, map } from './trees.ts'

/** Feeds ends by path, and tells what is to be done after each. */
function play(tree: FlowNode) {
  const plan = new FlowPlan(tree, [])
  const evaluation = new FlowEvaluation(plan)
  const node = (path: string) => {
    const found = [...plan.nodes()].find((one) => one.path === `/flow${path}`)
    if (!found) throw new RangeError(`no node ${path}`)
    return found
  }
  const decision = () => {
    const { release, cancel, expand } = evaluation.takeActions()
    const names = (nodes: { path: string }[]) => nodes.map(({ path }) => path.slice('/flow'.length))
    return { release: names(release), cancel: names(cancel), expand: names(expand) }
  }
  return {
    evaluation,
    decision,
    end: (path: string, state: JobEnd = 'succeeded') => {
      evaluation.record(node(path), state)
      return decision()
    },
    expand: (path: string, items: unknown[], first: number) => {
      const expanded = plan.expand({ node: node(path).n, first, items })
      if (expanded) evaluation.expanded(expanded)
      return decision()
    },
    result: () => {
      const { end } = evaluation
      return end && { state: end.state, cause: end.cause?.path }
    },
  }
}

const nothing = { release: [], cancel: [], expand: [] }

test('a job is released, and its end is the end of its flow', () => {
  const flow = play(job)
  expect(flow.decision()).toEqual({ ...nothing, release: [''] })
  expect(flow.result()).toBeUndefined()
  expect(flow.end('', 'expired')).toEqual(nothing)
  expect(flow.result()).toEqual({ state: 'expired', cause: '/flow' })
})

test('a chain releases one step after the other', () => {
  const flow = play(chain(job, job, job))
  expect(flow.decision()).toEqual({ ...nothing, release: ['/chain/0'] })
  expect(flow.end('/chain/0')).toEqual({ ...nothing, release: ['/chain/1'] })
  expect(flow.end('/chain/1')).toEqual({ ...nothing, release: ['/chain/2'] })
  expect(flow.end('/chain/2')).toEqual(nothing)
  expect(flow.result()).toEqual({ state: 'succeeded', cause: undefined })
})

test('a chain cancels the steps after one that did not succeed, and ends when they have ended', () => {
  const flow = play(chain(job, gather('fail_fast', job, job), job))
  flow.decision()
  expect(flow.end('/chain/0', 'failed')).toEqual({
    ...nothing,
    cancel: ['/chain/1/gather/0', '/chain/1/gather/1', '/chain/2'],
  })
  expect(flow.end('/chain/1/gather/0', 'canceled')).toEqual(nothing)
  expect(flow.end('/chain/2', 'canceled')).toEqual(nothing)
  expect(flow.result()).toBeUndefined()
  flow.end('/chain/1/gather/1', 'canceled')
  expect(flow.result()).toEqual({ state: 'failed', cause: '/flow/chain/0' })
})

test('a gather releases all at once, in the order given, and ends when all have ended', () => {
  const flow = play(gather('fail_fast', job, chain(job, job), job))
  expect(flow.decision().release).toEqual(['/gather/0', '/gather/1/chain/0', '/gather/2'])
  flow.end('/gather/2')
  flow.end('/gather/0')
  expect(flow.end('/gather/1/chain/0').release).toEqual(['/gather/1/chain/1'])
  expect(flow.result()).toBeUndefined()
  flow.end('/gather/1/chain/1')
  expect(flow.result()).toEqual({ state: 'succeeded', cause: undefined })
})

test('with fail_fast the first job that does not succeed cancels the others and decides, however the others end', () => {
  const flow = play(gather('fail_fast', job, job, chain(job, job)))
  flow.decision()
  expect(flow.end('/gather/1', 'expired').cancel).toEqual(['/gather/0', '/gather/2/chain/0', '/gather/2/chain/1'])
  flow.end('/gather/0')
  // It ended before the cancel came: its next step is not released all the same.
  expect(flow.end('/gather/2/chain/0')).toEqual(nothing)
  flow.end('/gather/2/chain/1', 'canceled')
  expect(flow.result()).toEqual({ state: 'expired', cause: '/flow/gather/1' })
})

test('with continue a job that does not succeed cancels nothing else', () => {
  const flow = play(chain(gather('continue', job, job), job))
  flow.decision()
  expect(flow.end('/chain/0/gather/0', 'failed')).toEqual(nothing)
  expect(flow.end('/chain/0/gather/1', 'canceled').release).toEqual(['/chain/1'])
  flow.end('/chain/1')
  expect(flow.result()).toEqual({ state: 'succeeded', cause: undefined })
})

test('a step that is canceled by itself before its turn ends the chain after the current step', () => {
  const flow = play(chain(job, job, job, job))
  flow.decision()
  expect(flow.end('/chain/2', 'canceled')).toEqual({ ...nothing, cancel: ['/chain/1', '/chain/3'] })
  flow.end('/chain/1', 'canceled')
  flow.end('/chain/3', 'canceled')
  expect(flow.result()).toBeUndefined()
  expect(flow.end('/chain/0')).toEqual(nothing)
  expect(flow.result()).toEqual({ state: 'canceled', cause: '/flow/chain/2' })
})

test('a map is expanded when its turn comes, and then behaves as a gather', () => {
  const tree = chain(job, map('fail_fast', chain(job, job)), job)
  const flow = play(tree)
  flow.decision()
  expect(flow.end('/chain/0')).toEqual({ ...nothing, expand: ['/chain/1'] })
  expect(flow.expand('/chain/1', ['a', 'b'], countNodes(tree)).release).toEqual([
    '/chain/1/map/0/chain/0',
    '/chain/1/map/1/chain/0',
  ])
  for (const path of ['0/chain/0', '1/chain/0', '0/chain/1']) flow.end(`/chain/1/map/${path}`)
  expect(flow.end('/chain/1/map/1/chain/1').release).toEqual(['/chain/2'])
})

test('a map over no items succeeds; one that cannot be expanded fails', () => {
  const empty = play(chain(job, map('fail_fast', job), job))
  empty.end('/chain/0')
  expect(empty.expand('/chain/1', [], 4).release).toEqual(['/chain/2'])
  const broken = play(chain(job, map('fail_fast', job), job))
  broken.end('/chain/0')
  expect(broken.end('/chain/1', 'failed').cancel).toEqual(['/chain/2'])
  broken.end('/chain/2', 'canceled')
  expect(broken.result()).toEqual({ state: 'failed', cause: '/flow/chain/1' })
})

test('a map that never gets its turn needs no end of its own', () => {
  const flow = play(chain(job, map('continue', job)))
  flow.decision()
  flow.end('/chain/0', 'failed')
  expect(flow.result()).toEqual({ state: 'failed', cause: '/flow/chain/0' })
})

test('a gather that ended before its turn does not stop the chain', () => {
  const flow = play(chain(job, gather('continue', job), job))
  flow.decision()
  expect(flow.end('/chain/1/gather/0', 'canceled')).toEqual(nothing)
  expect(flow.end('/chain/0').release).toEqual(['/chain/2'])
})

test('a stop cancels everything that has not ended, once', () => {
  const flow = play(chain(gather('continue', job, job), job))
  flow.decision()
  flow.end('/chain/0/gather/0')
  flow.evaluation.stop()
  expect(flow.decision()).toEqual({ ...nothing, cancel: ['/chain/0/gather/1', '/chain/1'] })
  flow.evaluation.stop()
  expect(flow.decision()).toEqual(nothing)
  flow.end('/chain/1', 'canceled')
  flow.end('/chain/0/gather/1')
  expect(flow.result()).toMatchObject({ state: 'canceled' })
})

test('only the first end of a job counts', () => {
  const flow = play(chain(job, job))
  flow.decision()
  expect(flow.end('/chain/0').release).toEqual(['/chain/1'])
  expect(flow.end('/chain/0', 'failed')).toEqual(nothing)
  flow.end('/chain/1')
  expect(flow.result()?.state).toBe('succeeded')
})

test('a chain of twenty thousand maps over no items, read at once, does not overflow the stack', () => {
  const tree = chain(...Array.from({ length: 19_999 }, () => map('fail_fast', job)))
  const plan = new FlowPlan(
    tree,
    Array.from({ length: 19_999 }, (_, n) => ({ node: n + 1, first: 20_000, items: [] })),
  )
  expect(new FlowEvaluation(plan).end?.state).toBe('succeeded')
})

test('an end costs the depth of the tree, not its size', () => {
  const timeOf = (members: number) => {
    const plan = new FlowPlan(gather('continue', ...Array.from({ length: members }, () => chain(job, job))), [])
    const evaluation = new FlowEvaluation(plan)
    const before = process.cpuUsage()
    for (const node of plan.jobs()) evaluation.record(node, 'succeeded')
    expect(evaluation.end?.state).toBe('succeeded')
    return process.cpuUsage(before).user / 1000
  }
  const best = (members: number) => Math.min(...Array.from({ length: 5 }, () => timeOf(members)))
  best(500)
  // Twenty times as many: four hundred times as long if each end looked at all members.
  expect(best(10_000)).toBeLessThan(100 * Math.max(best(500), 1))
})
