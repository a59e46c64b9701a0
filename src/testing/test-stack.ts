import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import { makePlan } from '../dev/plan.ts'
import type { RedisProcess } from '../dev/redis-process.ts'
import { Roles } from '../dev/roles.ts'
import { supervise } from '../dev/supervise.ts'
import type { Job } from '../jobs/define-job.ts'

export interface TestStackOptions {
  /** The folder of job files. Default: JOBS_DIR, else ./jobs. */
  jobs?: string
  /** Settings of the API and the workers beside the environment of this process. `LOG_LEVEL` is `error` by default. */
  env?: Record<string, string>
  /** Default: REDIS_URL; without it an installed server, else a container, with its data in a temporary folder. */
  redisUrl?: string
}

/** A job that is done, as the API shows it. */
export interface FinishedJob<Output> {
  id: string
  state: 'succeeded' | 'failed' | 'canceled' | 'expired'
  attempt: number
  /** Null unless it succeeded. */
  output: Output | null
  /** Null if it succeeded. */
  error: { code: string; message: string; retryable: boolean; attempt: number } | null
}

/** Redis, an API and a worker for each queue, as processes of their own. */
export interface TestStack extends AsyncDisposable {
  /** Of the API, which needs no key. */
  readonly url: string
  /**
   * Submits a job and waits until it is done.
   *
   * @param fields more members of the submission, such as `attempts` or `timeout_ms`
   * @throws Error with the problem that the API answers
   */
  run<J extends Job>(
    job: J,
    input: z.input<J['input']>,
    fields?: Record<string, unknown>,
  ): Promise<FinishedJob<z.output<J['output']>>>
  /** Stops all processes and removes the data of a Redis that it started. May be called twice. */
  stop(): Promise<void>
}

const bootWithinMs = 120_000
const redisStopMs = 2000

/**
 * Starts a stack with the job files of a project on free ports, for end-to-end tests: real executors, retries, limits. Nothing is left running
 * when this process ends, however it ends.
 *
 * @throws CannotStartError, EnvironmentError, NeverReadyError
 */
export async function testStack(options: TestStackOptions = {}): Promise<TestStack> {
  const { jobs, redisUrl, env = {} } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'drover-test-'))
  const given = {
    ...process.env,
    ...{ PORT: '0', KEY_PREFIX: `test-${randomUUID()}`, LOG_LEVEL: 'error', SHUTDOWN_GRACE_MS: '1000' },
    JOBS_DIR: jobs ?? (process.env['JOBS_DIR'] || 'jobs'),
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    ...env,
  }
  const removeData = () => rm(dataDir, { recursive: true, force: true })
  const folder = process.cwd()
  const plan = await makePlan({ folder, dataDir, envFile: undefined }, given).catch(async (error: unknown) => {
    await removeData()
    throw error
  })
  const print = (line: string): void => void process.stderr.write(`drover: ${line}\n`)
  let redis: RedisProcess | undefined
  const launchRedis = plan.redis?.launch
  const server = launchRedis && supervise({ name: 'Redis', launch: () => (redis = launchRedis()), print, bootWithinMs })
  const roles = new Roles({ folder, plan, print, lease: () => redis?.lease })
  const stop = async (): Promise<void> => {
    await roles.stop()
    await server?.stop(redisStopMs)
    await removeData()
  }
  try {
    await server?.ready
    await roles.start(plan.jobTypes)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: plan.url,
    run: ({ type }, input, fields) => runToEnd(plan.url, { ...fields, type, input }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function runToEnd<O>(url: string, submission: unknown): Promise<FinishedJob<O>> {
  const headers = { 'content-type': 'application/json', prefer: 'wait=50' }
  let response = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: JSON.stringify(submission) })
  for (;;) {
    if (!response.ok) throw new Error(`the API answered ${response.status}: ${await response.text()}`)
    const job: FinishedJob<O> & { done: boolean } = JSON.parse(await response.text())
    if (job.done) return job
    response = await fetch(`${url}/v1/jobs/${job.id}`, { headers: { prefer: headers.prefer } })
  }
}
