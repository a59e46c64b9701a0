import { pino } from 'pino'
import { stringify } from 'yaml'
import { apiVariables, readEnvironment } from '../environment.ts'
import { loadRegistry } from '../jobs/registry.ts'
import type { JobEventHub } from '../queue/job-event-hub.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import { buildApp } from './app.ts'

/** The OpenAPI document of this version with all built-in job types, as YAML. Needs no Redis. */
export async function generateOpenapi(): Promise<string> {
  const registry = await loadRegistry({ diagnosticJobs: true })
  const config = readEnvironment(apiVariables, { REDIS_URL: 'redis://localhost' })
  // Routes are described, never called.
  const app = await buildApp({
    config,
    registry,
    queue: uncalled<JobQueue>('queue'),
    hub: uncalled<JobEventHub>('hub'),
    log: pino({ level: 'silent' }),
  })
  try {
    return stringify(JSON.parse(JSON.stringify(app.swagger())), { aliasDuplicateObjects: false, lineWidth: 120 })
  } finally {
    await app.close()
  }
}

function uncalled<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get() {
      throw new Error(`the ${name} is not there while the API is being described`)
    },
  })
}
