import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FlowNode, OnFailure } from '../../src/queue/flows/model/document.ts'
import { FlowPlan } from '../../src/queue/flows/model/plan.ts'
import type { JobEnd } from '../../src/queue/model/job-states.ts'
import { read, watch } from '../helpers/client.ts'
import { echo, fails, job, readFlow, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { NaiveEvaluation } from '../unit/queue/flows/naive-evaluation.ts'
import * as shape from '../unit/queue/flows/trees.ts'

const flows = 60
const patience = { timeout: 240_000 }

type Tree = { type: string } | { chain: Tree[] } | { gather: Tree[]; on_failure: OnFailure }

const leaf = fc.oneof(
  { weight: 6, arbitrary: fc.nat(9).map((n) => echo(n)) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 400 }).map((ms) => sleep(ms)) },
  { weight: 1, arbitrary: fc.constant(fails()) },
  { weight: 1, arbitrary: fc.integer({ min: 20, max: 200 }).map((ms) => sleep(10_000, { deadline_ms: ms })) },
  // No worker consumes its queue.
  { weight: 1, arbitrary: fc.constant(job('count-primes', { limit: 10 }, { start_within_ms: 100 })) },
)
const trees: fc.Arbitrary<Tree> = fc.letrec<{ node: Tree }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { minLength: 1, maxLength: 4 }).map((chain) => ({ chain })),
    fc.record({
      gather: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
      on_failure: fc.constantFrom<OnFailure>('fail_fast', 'continue'),
    }),
  ),
})).node

function shapeOf(tree: Tree): FlowNode {
  if ('chain' in tree) return shape.chain(...tree.chain.map(shapeOf))
  if ('gather' in tree) return shape.gather(tree.on_failure, ...tree.gather.map(shapeOf))
  return shape.job
}

/** State and job of each node, by path. */
function nodesOf(tree: unknown): Map<string, { state: string; id?: string }> {
  const { path, state, id, chain = [], gather = [] } = Object(tree)
  return new Map([[path, { state, id }], ...[...chain, ...gather].flatMap((child: unknown) => [...nodesOf(child)])])
}

test(
  'random flows, some canceled, with killed processes, end according to the rules for the ends of their jobs',
  patience,
  async () => {
    const seed = Date.now() % 1_000_000
    const drawn = fc.sample(fc.record({ tree: trees, cancelAfter: fc.option(fc.nat(20), { freq: 5 }) }), {
      numRuns: flows,
      seed,
    })
    const { api, workers, addApi, addWorker } = await startStack({
      workers: 2,
      env: { WORKER_QUEUES: 'io:30', LOCK_MS: '1000' },
    })
    const stable = await addApi()
    const submitted = await Promise.all(drawn.map(({ tree }) => submitFlow(stable.url, tree)))
    expect(submitted.map(({ status }) => status)).toEqual(drawn.map(() => 202))
    const canceled = new Set<string>()
    const cancels = drawn.map(async ({ cancelAfter }, n) => {
      if (cancelAfter === null) return
      const id = submitted[n]?.body.id ?? ''
      for (let reads = 0; reads < cancelAfter; reads++) await readFlow(stable.url, id)
      if ((await steerFlow(stable.url, id, 'cancel')).status < 300) canceled.add(id)
    })
    // The first process to start is the flow coordinator until it is killed.
    for (const victim of [workers[0], api]) {
      victim?.signal('SIGKILL')
      await victim?.ended
      await addWorker()
    }
    await Promise.all(cancels)

    const ends = new Map<string, number>()
    for (const [n, { body }] of submitted.entries()) {
      const what = `seed ${seed}, flow ${n} ${JSON.stringify(drawn[n]?.tree)}`
      const { body: flow } = await waitFor(
        `${what} to end`,
        () => readFlow(stable.url, body.id),
        (answer) => answer.body.done,
        { withinMs: 60_000, everyMs: 100 },
      )
      ends.set(flow.state, (ends.get(flow.state) ?? 0) + 1)
      const seen = nodesOf(flow.tree)
      const ended = (await Array.fromAsync(watch(stable.url, body.id, { kind: 'flows' }))).filter(
        ({ event }) => event === 'member',
      )
      expect(ended.length, what).toBe(flow.jobs)
      const plan = new FlowPlan(shapeOf(drawn[n]?.tree ?? { chain: [] }), [])
      const naive = new NaiveEvaluation(plan)
      for (const { data } of ended) {
        const { path, state } = Object(data) as { path: string; state: JobEnd }
        const node = [...plan.nodes()].find((one) => one.path === path)
        if (node) naive.record(node, state)
      }
      for (const node of plan.nodes()) {
        const { state, id } = seen.get(node.path) ?? {}
        // A canceled flow is canceled, whatever the ends of its jobs.
        const isStopped = node === plan.root && canceled.has(body.id)
        expect(state, `${what} ${node.path}`).toBe(isStopped ? 'canceled' : naive.ends.get(node)?.state)
        if (id === undefined) continue
        const one = (await read(stable.url, id)).body
        expect(one, `${what} ${id}`).toMatchObject({
          done: true,
          state: naive.ends.get(node)?.state,
          run: 1,
          flow_id: body.id,
        })
        if (!naive.started.has(node)) expect(one.started_at, `${what} ${id}`).toBeNull()
      }
      if (canceled.has(body.id)) expect(flow.state, what).toBe('canceled')
    }
    console.log('random flows ended:', Object.fromEntries(ends))
    expect(ends.size).toBeGreaterThan(2)
  },
)
