import { join } from 'node:path'
import { inspect } from 'node:util'
import { launchNode } from './dev/node-process.ts'
import { CannotStartError, makePlan, type Plan, type Role } from './dev/plan.ts'
import type { RedisProcess } from './dev/redis-process.ts'
import { NeverReadyError } from './dev/running.ts'
import { type Supervised, supervise } from './dev/supervise.ts'
import { EnvironmentError } from './environment.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'

// Everything in one terminal, what `npm start` runs: Redis (unless REDIS_URL names one), the API and the workers, each a
// process of its own. Ctrl-C ends them all, Redis last.

const root = join(import.meta.dirname, '..')

/** Kept for Redis when all others are gone. */
const redisStopMs = 1000
/** What the API and the workers get beyond their grace for running jobs, before they are killed. */
const stopMarginMs = 3000
const bootWithinMs = 60_000
/** Docker may have to fetch the image first. */
const redisBootWithinMs = 300_000

const say = (line: string): void => {
  process.stdout.write(`drover: ${line}\n`)
}
// A terminal that was closed takes no more lines; the stop goes on without them.
process.stdout.on('error', () => {})

try {
  const plan = await makePlan(root, process.env)
  await run(plan)
} catch (error) {
  if (!(error instanceof CannotStartError || error instanceof EnvironmentError)) throw error
  for (const line of error.message.split('\n')) say(line)
  process.exitCode = 1
}

async function run(plan: Plan): Promise<void> {
  const all: Supervised[] = []
  const lifecycle = createLifecycle({
    log: {
      info: (fields, message) => say([message, ...Object.values(fields)].join(' ')),
      error: (fields, message) => say(`${message} ${inspect(fields)}`),
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
    say(error.message)
    lifecycle.exit(error.ending?.code || 1)
  }
}

/** Resolves when everything serves. What was started is in `all`. */
async function startAll(plan: Plan, lifecycle: Lifecycle, all: Supervised[]): Promise<void> {
  let redis: RedisProcess | undefined
  const launchRedis = plan.redis?.launch
  if (launchRedis !== undefined) {
    const launch = (): RedisProcess => (redis = launchRedis())
    const server = supervise({ name: 'Redis', launch, say, bootWithinMs: redisBootWithinMs })
    all.push(server)
    lifecycle.onStop('Redis', () => server.stop(redisStopMs))
    await server.ready
  }
  const others = [plan.api, ...plan.workers].map(({ name, file, env, readyUrl }: Role) => {
    const args = ['--import', './src/jobs/module-hooks.ts', file]
    const launch = () => launchNode({ args, cwd: root, env, readyUrl, lease: redis?.lease })
    return supervise({ name, launch, say, bootWithinMs })
  })
  all.push(...others)
  lifecycle.onStop('the API and the workers', () =>
    Promise.all(others.map((one) => one.stop(plan.graceMs + stopMarginMs))),
  )
  await Promise.all(others.map(({ ready }) => ready))
}

function announce({ url, redis, workers }: Plan): void {
  const body = JSON.stringify({ type: 'count-primes', input: { limit: 1_000_000 } })
  say(`ready on ${url} (Redis: ${redis?.description ?? 'REDIS_URL'}; ${workers.map(({ name }) => name).join(', ')})`)
  say(`try: curl -s ${url}/v1/jobs -H 'content-type: application/json' -H 'prefer: wait=30' -d '${body}'`)
  say('Ctrl-C stops everything')
}

/** npm forwards SIGTERM and SIGINT, but one that is killed outright, or by SIGHUP, would leave everything running. */
function stopWithNpm(lifecycle: Lifecycle): void {
  if (process.env['npm_lifecycle_event'] !== 'start') return
  const npm = process.ppid
  const watch = setInterval(() => {
    if (process.ppid !== npm) lifecycle.exit()
  }, 500)
  lifecycle.onStop('the watch on npm', () => clearInterval(watch))
}
