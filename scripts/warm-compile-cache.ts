import { spawnSync } from 'node:child_process'
import { generateOpenapi } from '../src/api/generate-openapi.ts'
import { loadRegistry } from '../src/jobs/registry.ts'
import { createExecutors } from '../src/worker/executors/create-executors.ts'

// Fills NODE_COMPILE_CACHE with the modules of the API, the workers, and their threads and processes. Needs neither Redis nor
// network.

const silent = { info() {}, warn() {} }

/** A white pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP6DwABBQECz6AuzQAAAABJRU5ErkJggg=='

await generateOpenapi()
// Without REDIS_URL a role exits as soon as all its imports are loaded.
for (const role of ['api', 'worker']) {
  const { stderr } = spawnSync(process.execPath, [...process.execArgv, `src/${role}/main.ts`], { encoding: 'utf8' })
  if (!stderr.includes('REDIS_URL: is required')) throw new Error(`the ${role} did not load: ${stderr}`)
}

// The command line, which finds no server there.
const nowhere = { ...process.env, DROVER_URL: 'http://127.0.0.1:9' }
spawnSync(process.execPath, [...process.execArgv, 'src/cli/main.ts', 'get', '-'], { env: nowhere })

const registry = await loadRegistry({ diagnosticJobs: true })
const executors = createExecutors({ threads: 1, processes: 1, allowCidrs: [], environment: process.env, log: silent })
// The image decoder runs on this event loop: a pooled process is killed at its end and saves nothing.
await run('resize-image', 'event-loop', { data_base64: png, width: 1 })
await run('count-primes', 'thread', { limit: 100 })
await executors.close()

async function run(type: string, runsOn: 'event-loop' | 'thread', input: unknown): Promise<void> {
  const loaded = registry.get(type)
  if (loaded === undefined) throw new Error(`there is no job type ${type}`)
  const attempt = { id: 'warm', type, tenant: '-', hops: 0, input, attempt: 1, maxAttempts: 1, fence: 1 }
  const stop = new AbortController()
  const outcome = await executors.for(runsOn).run(loaded, attempt, () => undefined, stop.signal)
  if (outcome.status !== 'returned') throw new Error(`${type}: ${JSON.stringify(outcome)}`)
}
