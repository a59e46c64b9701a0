import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ending, type Running, signalGroup } from './running.ts'

export interface NodeProcessOptions {
  /** What `node` is given, relative to `cwd`. */
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  /** Answers 200 once the process serves. */
  readyUrl: string
  /** Held by the process until it ends; one that is destroyed counts as none. */
  lease: Writable | undefined
}

/**
 * Starts the API or a worker on the terminal of this process. Returns at once: await `ready`.
 *
 * The channel between the two closes when this process dies, however it does, which the other takes as its signal to stop.
 */
export function launchNode(options: NodeProcessOptions): Running {
  const { args, cwd, env, readyUrl, lease } = options
  const held = lease === undefined || lease.destroyed ? 'ignore' : lease
  const child = spawn(process.execPath, args, {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', held],
    // Its own process group: the terminal's Ctrl-C must not reach it past the one that stops things in order.
    detached: true,
  })
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ code: 1, text: error.message }))
    child.once('exit', (code, signal) => {
      // A worker that was killed leaves its own children behind; they are in its group.
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
    send: (name) => signalGroup(child.pid, name),
  }
}

async function answersOk(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok
    },
    // Refused while it boots: not yet.
    () => false,
  )
}
