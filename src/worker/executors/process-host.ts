import { type ChildProcess, spawn } from 'node:child_process'
import { Duplex, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { childFile, childImports } from './child-files.ts'
import { forwardLines } from './forward-lines.ts'
import { type Host, type HostEnd, type HostSettings, hostLines } from './host.ts'
import { createJsonLineReader, toJsonLine } from './json-lines.ts'
import type { ChildSettings } from './protocol.ts'

/** How long the last output of a process that is gone is waited for: it tells heap exhaustion from other aborts. */
const lastOutputMs = 250

/**
 * Starts a child process, of whose heap `memoryLimitMb` bounds the old generation: buffers and native memory lie outside of it.
 *
 * It leads a process group of its own: a terminal's Ctrl-C passes it by, and `kill` takes along what the job's code started.
 * Messages are lines of JSON on a socket of our own rather than Node's IPC, where one malformed byte from the child throws in
 * the parent (tried), and which the child could not read while it computes.
 *
 * @throws when the system refuses to start it at once; later refusals end `gone`.
 */
export function spawnProcess(settings: HostSettings): Host {
  const childSettings: ChildSettings = { allowCidrs: settings.allowCidrs, parentPid: process.pid }
  const args = [`--max-old-space-size=${settings.memoryLimitMb}`, ...childImports]
  const child = spawn(process.execPath, [...args, fileURLToPath(childFile), JSON.stringify(childSettings)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const name = { pid: child.pid }
  // The number of a process that is gone may already be another's.
  const kill = () => void (child.exitCode === null && child.signalCode === null && killGroup(child.pid))
  const gone = whenGone(child)
  const pipes = pipesOf(child)
  if (!pipes) return { name, send() {}, kill, gone }

  const { stdout, stderr, socket } = pipes
  let isOutOfMemory = false
  forwardLines(stdout, hostLines(settings.log, name, 'stdout'))
  forwardLines(stderr, hostLines(settings.log, name, 'stderr'), (line) => {
    isOutOfMemory ||= line.includes('JavaScript heap out of memory')
  })
  let hasSentGarbage = false
  const refuse = () => {
    hasSentGarbage = true
    kill()
  }
  socket.on('data', createJsonLineReader(settings.onMessage, refuse))
  // Without it the child can neither be stopped nor say how it ended.
  socket.on('close', kill)
  // `close` follows, and the process's own end says why.
  socket.on('error', kill)
  return {
    name,
    send(message) {
      const line = toJsonLine(message)
      if (socket.writable) socket.write(line)
    },
    kill,
    gone: gone.then((end) => {
      for (const stream of [socket, stdout, stderr]) stream.destroy()
      if (end.kind === 'signal' && isOutOfMemory) return { kind: 'out_of_memory' }
      return hasSentGarbage ? { kind: 'error', message: "the job's process sent its worker what is no message" } : end
    }),
  }
}

/** Undefined when the system had no descriptors left: there is no process then, and `whenGone` says so. */
function pipesOf({ stdio }: ChildProcess): { stdout: Readable; stderr: Readable; socket: Duplex } | undefined {
  const [, stdout, stderr, socket]: unknown[] = Array.isArray(stdio) ? stdio : []
  if (!(stdout instanceof Readable && stderr instanceof Readable && socket instanceof Duplex)) return undefined
  return { stdout, stderr, socket }
}

/** False when nothing of the group is left. */
function killGroup(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, 'SIGKILL')
  } catch {
    return false
  }
}

function whenGone(child: ChildProcess): Promise<HostEnd> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ kind: 'error', message: `no process could be started: ${error.message}` })
    })
    child.on('exit', (code, signal) => {
      // What the job's code started and left behind goes too, and lets go of the pipes.
      killGroup(child.pid)
      const end: HostEnd = signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal }
      const timer = setTimeout(resolve, lastOutputMs, end)
      child.on('close', () => {
        clearTimeout(timer)
        resolve(end)
      })
    })
  })
}
