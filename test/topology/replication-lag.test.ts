import type { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { read, submit } from '../helpers/client.ts'
import { echo, readFlow, results, sleep, submitFlow } from '../helpers/flows.ts'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { patience } from '../ledger/scenario.ts'
import { startSentinelGroup } from './sentinels.ts'

/** Replicas log in as this user, so that the master can disconnect them. */
const asReplicas = [
  ...['--user', 'replica', 'on', '>r', '+psync', '+replconf', '+ping'],
  ...['--masteruser', 'replica', '--masterauth', 'r'],
]

/** Number of submissions while no replica is connected. */
const tried = 30

/** Lets the replicas of a master get what it has, and nothing from then on. */
async function cutReplicasOff(master: Redis | undefined): Promise<void> {
  const followers = () => master?.wait(2, 1000)
  await waitFor('both replicas to have it', followers, (count) => count === 2)
  await master?.call('ACL', 'SETUSER', 'replica', 'off')
  await master?.call('CLIENT', 'KILL', 'TYPE', 'replica')
}

/**
 * Disconnects the replicas, submits jobs, and kills the master. No other server has these jobs.
 *
 * @returns the number of jobs accepted without replicas, and how many of them are lost
 */
async function loseMasterBehindItsReplicas(more: readonly string[], env: Record<string, string> = {}) {
  const group = await startSentinelGroup(onTestFinished, [...asReplicas, ...more])
  const [master] = group.servers
  const [client] = group.clients
  const { api } = await startStack({ workers: 0, env: { REDIS_URL: group.url, ...env } })
  const before = await waitFor(
    'a job to be accepted',
    () => submit(api.url, 'echo', 'before'),
    ({ status }) => status === 202,
  )
  await cutReplicasOff(client)
  const accepted: string[] = []
  for (let n = 0; n < tried; n++) {
    const { status, body } = await submit(api.url, 'echo', n)
    if (status === 202) accepted.push(body.id)
    else expect({ status, body }).toMatchObject({ status: 503, body: { code: 'queue_unavailable' } })
  }
  await master.kill()
  await waitFor(
    'the job from before, on another master',
    () => read(api.url, before.body.id),
    ({ status }) => status === 200,
    { withinMs: 60_000 },
  )
  expect(await group.masterPort()).not.toBe(master.port)
  const answers = await Promise.all(accepted.map((id) => read(api.url, id)))
  return { accepted: accepted.length, lost: answers.filter(({ status }) => status === 404).length }
}

test.skipIf(!canOwnRedis)(
  'jobs that a master accepts without connected replicas are lost with it: the figure in docs/durability.md',
  patience,
  async () => {
    const { accepted, lost } = await loseMasterBehindItsReplicas([])
    console.log(`without min-replicas-to-write: accepted ${accepted}, lost ${lost}`)
    expect({ accepted, lost }).toEqual({ accepted: tried, lost: tried })
  },
)

test.skipIf(!canOwnRedis)(
  'with min-replicas-to-write such a master accepts no jobs, so none is lost',
  patience,
  async () => {
    const { accepted, lost } = await loseMasterBehindItsReplicas([
      '--min-replicas-to-write',
      '1',
      '--min-replicas-max-lag',
      '10',
    ])
    console.log(`with min-replicas-to-write 1: accepted ${accepted}, lost ${lost}`)
    expect({ accepted, lost }).toEqual({ accepted: 0, lost: 0 })
  },
)

test.skipIf(!canOwnRedis)(
  'flows go on from what a promoted replica has, while all processes live on: with outputs that follow from each other',
  patience,
  async () => {
    const group = await startSentinelGroup(onTestFinished, asReplicas)
    const [master] = group.servers
    const [client] = group.clients
    const env = { REDIS_URL: group.url, LOCK_MS: '2000', WORKER_QUEUES: 'io:8' }
    const { api } = await startStack({ env })
    const flowOf = (n: number) => ({
      chain: [
        echo(n),
        ...Array.from({ length: 5 }, () => ({ gather: [echo({ $output: '' }), sleep(200)] })).flatMap((gather) => [
          gather,
          echo({ $output: '/0' }),
        ]),
      ],
    })
    // Eight at once take six seconds for them, so that the replicas are cut off before the end.
    const flows = await Promise.all(Array.from({ length: 40 }, (_, n) => submitFlow(api.url, flowOf(n))))
    expect(flows.map(({ status }) => status)).toEqual(flows.map(() => 202))
    const ended = async () => {
      const read = await Promise.all(flows.map(({ body }) => readFlow(api.url, body.id)))
      return read.reduce((sum, { body }) => sum + (body.counts?.succeeded ?? 0), 0)
    }
    await cutReplicasOff(client)
    const before = await ended()
    // The replicas get none of this.
    await waitFor('more jobs to end', ended, (count) => count >= before + 60, { withinMs: 60_000 })
    await master.kill()
    for (const [n, { body }] of flows.entries()) {
      const last = await waitFor(
        'the flow to end',
        () => readFlow(api.url, body.id, 5),
        (flow) => flow.body.done,
        { withinMs: 60_000 },
      )
      expect(last.body, `flow ${n}`).toMatchObject({ state: 'succeeded' })
      expect((await results(api.url, body.id)).at(-1)?.output, `flow ${n}`).toBe(n)
    }
    expect(await group.masterPort()).not.toBe(master.port)
  },
)
