import { Queue, WaitingError, Worker } from 'bullmq'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { JobEventWriter } from '../../src/queue/job-event-writer.ts'
import { JobSteering } from '../../src/queue/job-steering.ts'
import { Keys } from '../../src/queue/keys.ts'
import { settleJob } from '../../src/queue/settle-job.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { redisClient } from '../helpers/redis-client.ts'

test.each([
  [true, '1'],
  [false, '0'],
])(
  'a job that is put back waits again; that it was started (%s) counts, that it was fetched does not',
  async (hasStarted, starts) => {
    const redis = await redisClient()
    const patient = redis.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined })
    const keys = new Keys(keyPrefix())
    const prefix = keys.bullPrefix('io')
    const queue = new Queue('io', { connection: redis, prefix })
    const worker = new Worker('io', null, { connection: patient, prefix })
    onTestFinished(async () => {
      await worker.close()
      await queue.close()
      patient.disconnect()
    })
    const ref = { queue: 'io', id: 'io_1' }
    await queue.add('echo', {}, { jobId: ref.id, priority: 10 })
    const job = await worker.getNextJob('mine')
    expect(await redis.hget(keys.job(ref), 'ats')).toBe('1')

    // As in a worker: on BullMQ's own connection, so that the order of commands holds.
    const events = new JobEventWriter({ redis: patient, keys, log: pino({ level: 'silent' }) })
    const deps = { redis: patient, keys, events, steering: new JobSteering({ redis: patient, keys }) }
    const settled = settleJob(deps, ref, job, 'mine', { status: 'put_back', hasStarted })
    await expect(settled).rejects.toBeInstanceOf(WaitingError)
    expect(await redis.hget(keys.job(ref), 'ats')).toBe(starts)
    expect(await redis.exists(keys.lock(ref))).toBe(0)
    expect(await queue.getJobCounts('active', 'wait', 'prioritized')).toEqual({ active: 0, wait: 0, prioritized: 1 })
  },
)
