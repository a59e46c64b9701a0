import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ending, type Running, signalGroup } from './running.ts'

export interface NodeProcessOptions {
  /** Arguments of `node`. */
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  /** Answers 200 once the process is ready. */
  readyUrl: string
  /** The process keeps it open until it ends. A destroyed lease is ignored. */
  lease: Writable | undefined
}

/**
 * Starts the API or a worker on the terminal of this process. Returns immediately: await `ready`.
 *
 * The IPC channel closes when this process ends, even by SIGKILL. The started process then shuts down.
 */
export function launchNode(options: NodeProcessOptions): Running {
  const { args, cwd, env, readyUrl, lease } = options
  const held = lease === undefined || lease.destroyed ? 'ignore' : lease
  const child = spawn(process.execPath, args, {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', held],
    // Its own process group: the terminal's Ctrl-C must reach only this process, which stops the others in order.
    detached: true,
  })
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ code: 1, text: error.message }))
    child.once('exit', (code, signal) => {
      // A killed worker leaves its children behind; they are in its process group.
      signalGroup(child.pid, 'SIGKILL')
      resolve({ code: code ?? 1, text: signal ?? `exit code ${code}` })
    })
  })

  return {
    ended,
    async ready(signal) {
      while (!(await answersOk(readyUrl))) await sleep(50, undefined, { signal })
    },
    async stop(withinMs) {
      child.kill('SIGTERM')
      const kill = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), withinMs)
      await ended
      clearTimeout(kill)
    },
    async finish() {
      // It may be ending already: then there is nobody to ask.
      if (child.connected) child.send('finish', () => {})
      await ended
    },
    send: (name) => signalGroup(child.pid, name),
  }
}

async function answersOk(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok
    },
    // The connection is refused while the process boots.
    () => false,
  )
}
