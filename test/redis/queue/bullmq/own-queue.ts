import { onTestFinished } from 'vitest'
import { BullQueues } from '../../../../src/queue/bullmq/bull-queues.ts'
import { completeAndFetch, fetching, type NextJob } from '../../../../src/queue/bullmq/complete-and-fetch.ts'
import type { FetchedJson } from '../../../../src/queue/bullmq/fetched-job.ts'
import { type Acknowledged, FetchedJob, Success } from '../../../../src/queue/bullmq/fetched-job.ts'
import { QueueWorker } from '../../../../src/queue/bullmq/queue-worker.ts'
import { type JobRef, newJobRef } from '../../../../src/queue/model/job-id.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

interface Given {
  input?: unknown
  priority?: number
  delayMs?: number
  attempts?: number
  replyChannel?: string
  flow?: string
}

/** A queue of its own with a worker whose loop does not run: a test fetches jobs and says what becomes of them. */
export async function ownQueue({ attempts = 3 } = {}) {
  const [redis, own] = [await redisClient(), await redisClient('worker')]
  const keys = new Keys(keyPrefix())
  const queues = new BullQueues({ redis, keys, isListed: true })
  const untold: FetchedJob[] = []
  const worker = new QueueWorker({
    queue: 'io',
    concurrency: 100,
    redis: own,
    keys,
    workerName: 'w',
    lockMs: 10_000,
    maxCrashes: 3,
    process: async () => undefined,
    onUntold: (job) => untold.push(job),
    putBack: async () => undefined,
  })
  await worker.waitUntilReady()
  onTestFinished(() => worker.close())
  const backend = worker.getBackend()

  const add = async ({ input = 'grüße\n"', priority, delayMs, replyChannel, flow }: Given = {}): Promise<JobRef> => {
    const now = Date.now()
    const ref = newJobRef('io', now)
    const record = {
      v: recordVersion,
      tenant: '-',
      input,
      ...(priority !== undefined && { priority }),
      ...(flow !== undefined && { flow: { id: flow, node: 0 } }),
    } as const
    const runAt = delayMs === undefined ? undefined : now + delayMs
    await queues.add({ ref, type: 'echo', record, attempts, createdAt: now, runAt, replyChannel })
    return ref
  }

  const jobOf = ([json, id]: NextJob): FetchedJob[] =>
    json ? [new FetchedJob(worker, json as FetchedJson, String(id))] : []
  /** Asks for `count` jobs at one moment. @returns what each place of the worker gets */
  const ask = async (count: number, token = 'mine'): Promise<NextJob[]> => {
    const queue = { redis: async () => own, keys: backend.keys, isPlain: false }
    const options = { ...queue, hints: keys.flowHints, lockMs: 10_000, name: 'w' }
    const { exchanged: answers } = await completeAndFetch(
      options,
      Array.from({ length: count }, () => fetching(token)),
    )
    return answers.map((answer) => (answer.status === 'done' ? answer.next : []))
  }
  /** Fetches at most `count` jobs, all at one moment. */
  const fetch = async (count: number, token?: string) => (await ask(count, token)).flatMap(jobOf)
  /** @returns Redis's word for a success, and the job that came in its place */
  const succeed = async (
    job: FetchedJob,
    { output = '"ok"', fetchNext = false } = {},
  ): Promise<{ word: Acknowledged | undefined; next: FetchedJob | undefined }> => {
    let word: Acknowledged | undefined
    const success = new Success(output, (acknowledged) => {
      word = acknowledged
    })
    backend.forSlot(await backend.succeed(job, success, fetchNext))
    return { word, next: fetchNext ? jobOf(await backend.moveToActive())[0] : undefined }
  }
  const bull = (suffix: string) => keys.bull('io', suffix)
  return { redis, own, keys, queues, worker, backend, untold, add, ask, fetch, succeed, bull }
}

const sweepQueue = loadScript('maintenance/sweep-queue')

/** What a sweep does for the queue at one call. */
export async function sweepOnce({
  redis,
  keys,
  bull,
}: Pick<Awaited<ReturnType<typeof ownQueue>>, 'redis' | 'keys' | 'bull'>) {
  const sets = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed'].map(bull)
  const names = [keys.timeLimits('io'), ...sets, keys.index('io'), keys.webhookDebts('io'), keys.labels('io')]
  await sweepQueue(redis, [...names, keys.evicted('io')], [1e9, 1e9, 200, bull(''), 0, 'io_', '', 0, 0])
}

export const idsOf = (jobs: { id?: string | undefined }[]) => jobs.map(({ id }) => id)
