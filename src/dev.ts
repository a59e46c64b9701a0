import { join } from 'node:path'
import { inspect } from 'node:util'
import { launchNode } from './dev/node-process.ts'
import { CannotStartError, makePlan, type Plan, type Role } from './dev/plan.ts'
import type { RedisProcess } from './dev/redis-process.ts'
import { NeverReadyError } from './dev/running.ts'
import { type Supervised, supervise } from './dev/supervise.ts'
import { EnvironmentError } from './environment.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'

// What `npm start` runs in one terminal: Redis (unless REDIS_URL is set), the API and the workers, each in its own process.
// Ctrl-C stops all of them, Redis last.

const root = join(import.meta.dirname, '..')

/** Time reserved for Redis, which stops last. */
const redisStopMs = 1000
/** Time that the API and the workers get beyond the grace of running jobs before they are killed. */
const stopMarginMs = 3000
const bootWithinMs = 60_000
/** Docker may have to pull the image first. */
const redisBootWithinMs = 300_000

const print = (line: string): void => {
  process.stdout.write(`drover: ${line}\n`)
}
// Writing to a closed terminal fails; the shutdown continues without output.
process.stdout.on('error', () => {})

try {
  const plan = await makePlan(root, process.env)
  await run(plan)
} catch (error) {
  if (!(error instanceof CannotStartError || error instanceof EnvironmentError)) throw error
  for (const line of error.message.split('\n')) print(line)
  process.exitCode = 1
}

async function run(plan: Plan): Promise<void> {
  const all: Supervised[] = []
  const lifecycle = createLifecycle({
    log: {
      info: (fields, message) => print([message, ...Object.values(fields)].join(' ')),
      error: (fields, message) => print(`${message} ${inspect(fields)}`),
    },
    stopWithinMs: plan.graceMs + stopMarginMs + redisStopMs,
    killNow: () => {
      for (const one of all) one.kill()
    },
  })
  stopWithNpm(lifecycle)
  try {
    await startAll(plan, lifecycle, all)
    announce(plan)
  } catch (error) {
    if (lifecycle.signal.aborted) return
    if (!(error instanceof NeverReadyError)) throw error
    print(error.message)
    lifecycle.exit(error.ending?.code || 1)
  }
}

/** Resolves when all processes are ready. Adds each started process to `all`. */
async function startAll(plan: Plan, lifecycle: Lifecycle, all: Supervised[]): Promise<void> {
  let redis: RedisProcess | undefined
  const launchRedis = plan.redis?.launch
  if (launchRedis !== undefined) {
    const launch = (): RedisProcess => (redis = launchRedis())
    const server = supervise({ name: 'Redis', launch, print, bootWithinMs: redisBootWithinMs })
    all.push(server)
    lifecycle.onStop('Redis', () => server.stop(redisStopMs))
    await server.ready
  }
  const others = [plan.api, ...plan.workers].map(({ name, file, env, readyUrl }: Role) => {
    const args = ['--import', './src/jobs/module-hooks.ts', file]
    const launch = () => launchNode({ args, cwd: root, env, readyUrl, lease: redis?.lease })
    return supervise({ name, launch, print, bootWithinMs })
  })
  all.push(...others)
  lifecycle.onStop('the API and the workers', () =>
    Promise.all(others.map((one) => one.stop(plan.graceMs + stopMarginMs))),
  )
  await Promise.all(others.map(({ ready }) => ready))
}

function announce({ url, redis, workers }: Plan): void {
  const body = JSON.stringify({ type: 'count-primes', input: { limit: 1_000_000 } })
  print(`ready on ${url} (Redis: ${redis?.description ?? 'REDIS_URL'}; ${workers.map(({ name }) => name).join(', ')})`)
  print(`try: curl -s ${url}/v1/jobs -H 'content-type: application/json' -H 'prefer: wait=30' -d '${body}'`)
  print('Ctrl-C stops everything')
}

/** npm forwards SIGTERM and SIGINT. When npm itself is killed, or ends by SIGHUP, everything would go on running. */
function stopWithNpm(lifecycle: Lifecycle): void {
  if (process.env['npm_lifecycle_event'] !== 'start') return
  const npm = process.ppid
  const watch = setInterval(() => {
    if (process.ppid !== npm) lifecycle.exit()
  }, 500)
  lifecycle.onStop('npm watchdog', () => clearInterval(watch))
}
