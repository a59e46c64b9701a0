import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

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
const readyWithinMs = 30_000
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
  const stop = stopOf(child)
  if (!child.stdout) throw new Error('stdout is piped')
  for await (const line of createInterface({ input: child.stdout })) {
    const entry: { msg?: string; port?: number } = JSON.parse(line)
    if (entry.msg !== 'ready') continue
    const readyMs = performance.now() - startedAt
    child.stdout?.resume()
    return { child, pid: child.pid ?? 0, port: entry.port ?? 0, readyMs, stop }
  }
  throw new Error(`${file} ended before it was ready`)
}

/** A server that is no file of this project. */
export interface Program {
  command: string
  args: readonly string[]
  cwd: string
  env: Record<string, string>
  /** The port on which it listens. */
  port: number
}

/** Starts a server. Resolves when its port accepts a connection. @throws Error if it ends before, or accepts none within 30 s */
export async function startProgram({ command, args, cwd, env, port }: Program): Promise<BenchProcess> {
  const startedAt = performance.now()
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  const child = spawn(command, args, { cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: [...stdio] })
  const stop = stopOf(child)
  // It has no connection to the benchmark that could tell it that the benchmark has ended.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('close', () => process.off('exit', kill))
  while (!(await accepts(port))) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    if (hasEnded || performance.now() - startedAt > readyWithinMs) {
      await stop()
      throw new Error(`${command} ${hasEnded ? 'ended before it was ready' : 'does not accept connections'}`)
    }
    await sleep(10)
  }
  return { child, pid: child.pid ?? 0, port, readyMs: performance.now() - startedAt, stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function stopOf(child: ChildProcess): () => Promise<void> {
  let isOver = false
  child.once('close', () => {
    isOver = true
  })
  const closed = once(child, 'close')
  return async () => {
    if (isOver) return
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await closed
    clearTimeout(kill)
  }
}
