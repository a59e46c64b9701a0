import { startProcess } from './processes.ts'

/** Starts an API or a worker as in production, on the Redis of REDIS_URL. @throws when it ends before it is ready */
export async function startRole(role: 'api' | 'worker', env: Record<string, string>) {
  const started = await startProcess(`src/${role}/main.ts`, { REDIS_URL: process.env['REDIS_URL'] ?? '', ...env })
  return { ...started, end: () => void started.stop() }
}
