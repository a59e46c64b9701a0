import { expect, test } from 'vitest'
import { classifyJobs } from '../../../../src/queue/flows/classify-jobs.ts'
import type { FlowJobState } from '../../../../src/queue/flows/flow-job-record.ts'
import type { FlowJob, FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { FlowEvaluation } from '../../../../src/queue/flows/model/evaluation.ts'
import {
  FlowPlan,
  fillsNext,
  type JobNode,
  nextStepOf,
  plainSuccessor,
  withReleasers,
  withSuccessors,
} from '../../../../src/queue/flows/model/plan.ts'
import { chain, gather, job, map } from './trees.ts'

const step = (more: Partial<FlowJob>): FlowNode => ('job' in job ? { job: { ...job.job, ...more } } : job)
const pathsOf = (nodes: Iterable<JobNode>) => Array.from(nodes, ({ path }) => path.slice('/flow'.length))

function successorOf(tree: FlowNode, path: string): string | undefined {
  const node = [...new FlowPlan(tree, []).jobs()].find((one) => one.path === `/flow${path}`)
  const next = node && plainSuccessor(node)
  return next && pathsOf([next])[0]
}

test('a job releases the next step of its chain when that needs nothing but the end of the job', () => {
  expect(successorOf(chain(job, job), '/chain/0')).toBe('/chain/1')
  expect(successorOf(chain(job, chain(job, job)), '/chain/1/chain/0')).toBe('/chain/1/chain/1')
  expect(successorOf(gather('continue', chain(job, job), job), '/gather/0/chain/0')).toBe('/gather/0/chain/1')
  const record = { tenant: '-', input: null }
  const others = [
    step({ queue: 'cpu' }),
    step({ dynamic: true }),
    step({ delayMs: 0 }),
    step({ runAt: 1 }),
    step({ record: { ...record, deadlineMs: 1 } }),
    step({ record: { ...record, startWithinMs: 1 } }),
    gather('continue', job),
    map('continue', job),
    chain(job),
  ]
  for (const other of others) expect(successorOf(chain(job, other), '/chain/0'), JSON.stringify(other)).toBeUndefined()
  expect(successorOf(chain(job, job), '/chain/1')).toBeUndefined()
})

test('a step that takes the output of the job before it is released with its end, too, once it is complete', () => {
  const filled = step({ dynamic: 'output' })
  const [first, second] = new FlowPlan(chain(job, filled, step({ dynamic: true })), []).jobs()
  if (!first || !second) throw new Error('there are jobs')
  expect([plainSuccessor(first), nextStepOf(first), fillsNext(first)]).toEqual([undefined, second, true])
  expect([nextStepOf(second), fillsNext(second)]).toEqual([undefined, false])
  const inGather = new FlowPlan(gather('fail_fast', chain(job, filled), job), [])
  expect([...inGather.jobs()].map(fillsNext)).toEqual([false, false, false])
  expect(pathsOf(withSuccessors([first], 9))).toEqual(['/chain/0', '/chain/1'])
})

test('where the failure of another job may cancel a step, the coordinator decides whether it starts', () => {
  expect(successorOf(gather('fail_fast', chain(job, job), job), '/gather/0/chain/0')).toBeUndefined()
  expect(
    successorOf(
      chain(job, gather('fail_fast', gather('continue', chain(job, job)))),
      '/chain/1/gather/0/gather/0/chain/0',
    ),
  ).toBeUndefined()
})

test('the steps before a job that may have released it come first, those behind it as far as wanted', () => {
  const plan = new FlowPlan(chain(job, job, step({ dynamic: true }), job, job, job), [])
  const nodes = [...plan.jobs()]
  const isOpen = (node: JobNode) => node !== nodes[3]
  expect(pathsOf(withReleasers(nodes.slice(1, 2), () => true))).toEqual(['/chain/0', '/chain/1'])
  expect(pathsOf(withReleasers(nodes.slice(2, 3), () => true))).toEqual(['/chain/2'])
  expect(pathsOf(withReleasers(nodes.slice(5), isOpen))).toEqual(['/chain/4', '/chain/5'])
  expect(pathsOf(withSuccessors(nodes.slice(0, 1), 9))).toEqual(['/chain/0', '/chain/1'])
  expect(pathsOf(withSuccessors(nodes.slice(2, 3), 2))).toEqual(['/chain/2', '/chain/3', '/chain/4'])
})

test('steps end in the order of their chain, whatever the clocks of their workers say', () => {
  const plan = new FlowPlan(gather('continue', chain(job, job, job), job), [])
  const evaluation = new FlowEvaluation(plan)
  const nodes = [...plan.jobs()]
  const of = { evaluation, flow: { id: 'flow_01jd0000000000000000000000', isStored: true } }
  const ended = (at: number): FlowJobState => ({ status: 'ended', state: 'succeeded', at, failure: undefined })
  const endsOf = (which: JobNode[], states: FlowJobState[]) =>
    classifyJobs(of, which, states).ends.map(({ node, at }) => [plan.node(node)?.path.slice('/flow/gather'.length), at])
  expect(endsOf(nodes, [ended(10), ended(8), ended(9), ended(9)])).toEqual([
    ['/1', 9],
    ['/0/chain/0', 10],
    ['/0/chain/1', 8],
    ['/0/chain/2', 9],
  ])
  // The first step was read before it ended.
  expect(endsOf(nodes, [{ status: 'open' }, ended(8), ended(9), ended(9)])).toEqual([['/1', 9]])
  const neverStarted = {
    code: 'canceled',
    message: '',
    retryable: false,
    attempt: 0,
    stopped: 'never_started',
  } as const
  const canceled: FlowJobState = { status: 'ended', state: 'canceled', at: 8, failure: neverStarted }
  expect(endsOf(nodes.slice(0, 2), [{ status: 'open' }, canceled])).toEqual([['/0/chain/1', 8]])
  // It was canceled behind the release of the second step, by another clock.
  const states: FlowJobState[] = [ended(10), { status: 'open' }, canceled]
  expect(endsOf(nodes.slice(0, 3), states)).toEqual([
    ['/0/chain/0', 10],
    ['/0/chain/2', 8],
  ])
  expect(endsOf(nodes.slice(1), [{ status: 'open' }, canceled, ended(10)])).toEqual([
    ['/0/chain/2', 8],
    ['/1', 10],
  ])
})
