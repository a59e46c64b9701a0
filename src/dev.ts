import { inspect } from 'node:util'
import { describeTypes } from './dev/loaded-types.ts'
import { CannotStartError, makePlan, type Plan } from './dev/plan.ts'
import { findProject, useProject } from './dev/project.ts'
import type { RedisProcess } from './dev/redis-process.ts'
import { reloadJobs } from './dev/reload-jobs.ts'
import { Roles } from './dev/roles.ts'
import { NeverReadyError } from './dev/running.ts'
import { type Supervised, supervise } from './dev/supervise.ts'
import { unservedQueues } from './dev/worker-queues.ts'
import { EnvironmentError } from './environment.ts'
import { createLifecycle } from './lifecycle.ts'

// What `npm start` and `drover dev` run in one terminal: Redis (unless REDIS_URL is set), the API and the workers, each in its own process.
// Ctrl-C stops all of them, Redis last.

const project = findProject(process.cwd())

/** Time reserved for Redis, which stops last. */
const redisStopMs = 1000
/** Time that the API and the workers get beyond that in which a worker stops, to be killed included. */
const rolesMarginMs = 1500
/** Docker may have to pull the image first. */
const redisBootWithinMs = 300_000

const print = (line: string): void => {
  process.stdout.write(`drover: ${line}\n`)
}
// Writing to a closed terminal fails; the shutdown continues without output.
process.stdout.on('error', () => {})

try {
  useProject(project)
  const plan = await makePlan(project, process.env)
  await run(plan)
} catch (error) {
  if (!(error instanceof CannotStartError || error instanceof EnvironmentError)) throw error
  for (const line of error.message.split('\n')) print(line)
  process.exitCode = 1
}

async function run(plan: Plan): Promise<void> {
  const servers: Supervised[] = []
  let redis: RedisProcess | undefined
  const roles = new Roles({ folder: project.folder, plan, print, lease: () => redis?.lease })
  const lifecycle = createLifecycle({
    log: {
      info: (fields, message) => print([message, ...Object.values(fields)].join(' ')),
      error: (fields, message) => print(`${message} ${inspect(fields)}`),
      fatal: (fields, message) => print(`${message} ${inspect(fields)}`),
    },
    stopWithinMs: plan.workerStopMs + rolesMarginMs + redisStopMs,
    killNow: () => {
      roles.kill()
      for (const one of servers) one.kill()
    },
  })
  try {
    const launchRedis = plan.redis?.launch
    if (launchRedis !== undefined) {
      const launch = (): RedisProcess => (redis = launchRedis())
      const server = supervise({ name: 'Redis', launch, print, bootWithinMs: redisBootWithinMs })
      servers.push(server)
      lifecycle.onStop('Redis', () => server.stop(redisStopMs))
      await server.ready
    }
    lifecycle.onStop('the API and the workers', () => roles.stop())
    await roles.start(plan.jobTypes)
    await announce(plan)
  } catch (error) {
    if (lifecycle.signal.aborted) return
    if (!(error instanceof NeverReadyError)) throw error
    print(error.message)
    lifecycle.exit(error.ending?.code || 1)
    return
  }
  await reloadJobs({ folder: project.folder, plan, roles, print, signal: lifecycle.signal })
}

async function announce({ url, redis, jobTypes, jobsDir, workersFor }: Plan): Promise<void> {
  const workers = await workersFor(jobTypes)
  const body = JSON.stringify({ type: 'count-primes', input: { limit: 1_000_000 } })
  print(`ready on ${url} (Redis: ${redis?.description ?? 'REDIS_URL'}; ${workers.map(({ name }) => name).join(', ')})`)
  print(`dashboard: ${url}/dashboard`)
  for (const line of describeTypes(jobTypes, jobsDir)) print(line)
  const unserved = unservedQueues(
    workers.flatMap(({ queues = [] }) => queues),
    jobTypes,
  )
  if (unserved.length > 0) print(`no worker consumes ${unserved.join(', ')}: WORKER_QUEUES does not name it`)
  print(`try: curl -s ${url}/v1/jobs -H 'content-type: application/json' -H 'prefer: wait=30' -d '${body}'`)
  print('job files are loaded again when they change; Ctrl-C stops everything')
}
