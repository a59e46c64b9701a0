import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const root = new URL('../../', import.meta.url)
const readyWithinMs = 60_000

/** All end with this process. */
const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** A real API or worker process. */
export interface RoleProcess {
  readonly role: 'api' | 'worker'
  readonly pid: number
  readonly url: string
  /** The parsed lines of its log. */
  readonly logs: Record<string, unknown>[]
  /** Resolves when it has ended, for any reason. */
  readonly ended: Promise<unknown>
  readonly hasEnded: boolean
  signal(signal: NodeJS.Signals): void
}

/** Starts a process of a role as in production. Resolves when it is ready. @throws Error if it ends or is silent before */
export async function startRole(
  role: 'api' | 'worker',
  env: Record<string, string>,
  /** The root of another version. */
  code: URL = root,
): Promise<RoleProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', './src/jobs/module-hooks.ts', `src/${role}/main.ts`],
    {
      cwd: code,
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: 'node_modules/.cache/node', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  running.add(child)
  const logs: Record<string, unknown>[] = []
  const errors: string[] = []
  const started = Promise.withResolvers<number>()
  if (!child.stdout || !child.stderr) throw new Error('stdout and stderr are piped')
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry: Record<string, unknown> = JSON.parse(line)
    logs.push(entry)
    if (entry['msg'] === 'ready') started.resolve(Number(entry['port'] ?? 0))
  })
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  let hasEnded = false
  const ended = once(child, 'close')
  child.once('error', (error) => started.reject(error))
  child.once('close', () => {
    running.delete(child)
    hasEnded = true
    const last = [...logs.slice(-3).map((line) => JSON.stringify(line)), ...errors.slice(-5)]
    started.reject(new Error(`the ${role} ended before it was ready: ${last.join('\n')}`))
  })
  const late = setTimeout(() => {
    const last = logs.slice(-3).map((line) => JSON.stringify(line))
    started.reject(new Error(`the ${role} was not ready in time; it logged: ${last.join(' ') || 'nothing'}`))
  }, readyWithinMs)
  try {
    const port = await started.promise
    return {
      role,
      pid: child.pid ?? 0,
      url: `http://127.0.0.1:${port}`,
      logs,
      ended,
      get hasEnded() {
        return hasEnded
      },
      signal: (signal) => void child.kill(signal),
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(late)
  }
}
