import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { inject, onTestFinished } from 'vitest'
import { keyPrefix } from './key-prefix.ts'

const root = new URL('../../', import.meta.url)

/** A real API or worker process, started as in production. */
interface RoleProcess {
  readonly pid: number
  /** The parsed lines of its log. */
  readonly logs: Record<string, unknown>[]
  readonly stderr: string[]
  /** Resolves to the exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  signal(signal: NodeJS.Signals): void
}

interface Api extends RoleProcess {
  readonly url: string
}

/** What registers the end of a process. Default: after the test. */
type OnEnd = (stop: () => Promise<void>) => void

/** Starts a process of a role, which is killed after its test. Resolves when it logs "ready". @throws if it ends before */
async function startRole(
  role: 'api' | 'worker',
  env: Record<string, string>,
  code?: URL,
  onEnd?: OnEnd,
): Promise<RoleProcess & { port: number }> {
  const started = spawnRole(role, env, code, onEnd)
  const ready = await Promise.race([
    started.ready,
    started.role.ended.then((end) => {
      throw new Error(`the ${role} ended with ${String(end)} before it was ready: ${started.role.stderr.join('\n')}`)
    }),
  ])
  return Object.assign(started.role, { port: Number(ready['port'] ?? 0) })
}

/** Starts a process of a role without waiting: for boots that fail. `code` is the root of another version. */
export function spawnRole(
  role: 'api' | 'worker',
  env: Record<string, string>,
  code = root,
  onEnd: OnEnd = onTestFinished,
) {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', './src/jobs/module-hooks.ts', `src/${role}/main.ts`],
    {
      cwd: code,
      // With the compile cache, which `npm start` and the image have too, a start takes 0.65 s of a core in place of 1.
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: 'node_modules/.cache/node', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const logs: Record<string, unknown>[] = []
  const stderr: string[] = []
  const ready = new Promise<Record<string, unknown>>((resolve) => {
    if (!child.stdout || !child.stderr) throw new Error('stdout and stderr are piped')
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry: Record<string, unknown> = JSON.parse(line)
      logs.push(entry)
      if (entry['msg'] === 'ready') resolve(entry)
    })
    createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line))
  })
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  onEnd(async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
  })
  const started: RoleProcess = {
    pid: child.pid ?? 0,
    logs,
    stderr,
    ended,
    signal: (signal) => void child.kill(signal),
  }
  return { role: started, ready }
}

/** One API and its workers on the Redis of this run, under their own key prefix. */
export interface Stack {
  api: Api
  workers: RoleProcess[]
  env: Record<string, string>
  /** `code` is the root of another version. */
  addWorker: (env?: Record<string, string>, code?: URL) => Promise<RoleProcess & { port: number }>
  addApi: (env?: Record<string, string>, code?: URL) => Promise<Api>
}

/** Starts a stack that is killed after its test, or by what is passed to `onEnd`. By default one worker consumes both queues. */
export async function startStack(
  options: { workers?: number; env?: Record<string, string>; apiCode?: URL; onEnd?: OnEnd } = {},
): Promise<Stack> {
  const env = {
    REDIS_URL: inject('redisUrl'),
    KEY_PREFIX: keyPrefix(),
    DIAGNOSTIC_JOBS: '1',
    EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
    WORKER_QUEUES: 'io:100,cpu:2',
    WORKER_PORT: '0',
    PORT: '0',
    LOG_LEVEL: 'info',
    ...options.env,
  }
  const addWorker = (more: Record<string, string> = {}, code?: URL) =>
    startRole('worker', { ...env, ...more }, code, options.onEnd)
  const addApi = async (more: Record<string, string> = {}, code?: URL) => {
    const api = await startRole('api', { ...env, ...more }, code, options.onEnd)
    return Object.assign(api, { url: `http://127.0.0.1:${api.port}` })
  }
  const [api, ...workers] = await Promise.all([
    addApi({}, options.apiCode),
    ...Array.from({ length: options.workers ?? 1 }, () => addWorker()),
  ])
  return { api, workers, env, addWorker, addApi }
}
