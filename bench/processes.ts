import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process that the benchmark has started. It ends when the benchmark does, however that ends. */
export interface BenchProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** Where it listens; 0 where it does not. */
  readonly port: number
  /** From the start to its word that it is ready. */
  readonly readyMs: number
  /** Asks it to end (SIGTERM), kills it after ten seconds. May be called twice. */
  stop(): Promise<void>
}

const stopWithinMs = 10_000
const project = new URL('..', import.meta.url)

/** Runs a file with Node.js until it prints a line of JSON with `msg: "ready"`. @throws when it ends before */
export async function startProcess(
  file: string,
  env: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<BenchProcess> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, '--import', './src/jobs/module-hooks.ts', file], {
    cwd: project,
    // Not the benchmark's own environment: what it measures must not depend on who runs it.
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: 'node_modules/.cache/node', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let isOver = false
  child.once('close', () => {
    isOver = true
  })
  const closed = once(child, 'close')
  if (!child.stdout) throw new Error('the pipe was asked for')
  for await (const line of createInterface({ input: child.stdout })) {
    const said: { msg?: string; port?: number } = JSON.parse(line)
    if (said.msg !== 'ready') continue
    const readyMs = performance.now() - startedAt
    child.stdout?.resume()
    const stop = async () => {
      if (isOver) return
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
      await closed
      clearTimeout(kill)
    }
    return { child, pid: child.pid ?? 0, port: said.port ?? 0, readyMs, stop }
  }
  throw new Error(`${file} ended before it was ready`)
}
