import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A process of Drover's that a benchmark has started. */
export interface Role {
  child: ChildProcess
  port: number
  end: () => void
}

/** Starts an API or a worker as in production, on the Redis of REDIS_URL. @throws when it ends before it is ready */
export async function startRole(role: 'api' | 'worker', env: Record<string, string>): Promise<Role> {
  const args = ['--import', './src/jobs/module-hooks.ts', `src/${role}/main.ts`]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, port } = JSON.parse(line)
    if (msg === 'ready') {
      child.stdout.resume()
      return { child, port, end: () => void child.kill('SIGTERM') }
    }
  }
  throw new Error(`the ${role} did not start`)
}
