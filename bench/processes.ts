import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process that the benchmark has started. It ends with the benchmark, even if that is killed. */
export interface BenchProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** The port on which it listens, or 0. */
  readonly port: number
  /** Time from its start to its line "ready". */
  readonly readyMs: number
  /** Sends SIGTERM, and SIGKILL after ten seconds. May be called twice. */
  stop(): Promise<void>
}

const stopWithinMs = 10_000
const project = new URL('..', import.meta.url).pathname

/**
 * Starts a file of a checkout (default: this one) with Node.js. Resolves when it prints a line of JSON with `msg: "ready"`.
 *
 * @throws if it ends before
 */
export async function startProcess(
  file: string,
  env: Record<string, string>,
  options: { nodeOptions?: readonly string[]; checkout?: string | undefined } = {},
): Promise<BenchProcess> {
  const { nodeOptions = [], checkout = project } = options
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, '--import', './src/jobs/module-hooks.ts', file], {
    cwd: checkout,
    // Not the environment of the benchmark: results must not depend on it.
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: 'node_modules/.cache/node', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let isOver = false
  child.once('close', () => {
    isOver = true
  })
  const closed = once(child, 'close')
  if (!child.stdout) throw new Error('stdout is piped')
  for await (const line of createInterface({ input: child.stdout })) {
    const entry: { msg?: string; port?: number } = JSON.parse(line)
    if (entry.msg !== 'ready') continue
    const readyMs = performance.now() - startedAt
    child.stdout?.resume()
    const stop = async () => {
      if (isOver) return
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
      await closed
      clearTimeout(kill)
    }
    return { child, pid: child.pid ?? 0, port: entry.port ?? 0, readyMs, stop }
  }
  throw new Error(`${file} ended before it was ready`)
}
