import { type ChildProcess, spawn } from 'node:child_process'
import { Duplex, Readable } from 'node:stream'
import { childFile, childImports } from './child-files.ts'
import { forwardLines } from './forward-lines.ts'
import { type Host, type HostSettings, hostLines } from './host.ts'
import { createJsonLineReader, toJsonLine } from './json-lines.ts'
import { killWithPrograms, whenGone } from './process-group.ts'
import type { ChildSettings } from './protocol.ts'

const malformed = "the job's process sent its worker a line that is not JSON or is too long"

/**
 * Starts a child process. `memoryLimitMb` bounds the old generation of its heap; buffers and native memory are not counted.
 *
 * It leads a process group of its own: Ctrl-C in a terminal does not reach it, and `kill` also ends what the job's code started,
 * see {@link Programs}.
 * Messages are JSON lines on a socket of our own: with the IPC of Node.js one malformed byte from the child throws in the parent
 * (tried), and the child could not read messages while it computes.
 *
 * @throws when the system refuses at once; a later refusal resolves `gone`.
 */
export function spawnProcess(settings: HostSettings): Host {
  const { allowCidrs, memoryLimitMb } = settings
  const childSettings: ChildSettings = { allowCidrs, memoryLimitMb, parentPid: process.pid }
  const args = [`--max-old-space-size=${memoryLimitMb}`, ...childImports]
  const child = spawn(process.execPath, [...args, childFile, JSON.stringify(childSettings)], {
    detached: true,
    env: settings.environment,
    ...settings.user,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const name = { child_pid: child.pid }
  // The pid of a process that ended may already belong to another.
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null) killWithPrograms(child.pid)
  }
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
  // Without the socket the child can neither be stopped nor report how it ended.
  socket.on('close', kill)
  // `close` follows; the end of the process tells the reason.
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
      return hasSentGarbage ? { kind: 'invalid_message', message: malformed } : end
    }),
  }
}

/** Undefined if the system had no file descriptors left: then there is no process, and `whenGone` reports it. */
function pipesOf({ stdio }: ChildProcess): { stdout: Readable; stderr: Readable; socket: Duplex } | undefined {
  const [, stdout, stderr, socket]: unknown[] = Array.isArray(stdio) ? stdio : []
  if (!(stdout instanceof Readable && stderr instanceof Readable && socket instanceof Duplex)) return undefined
  return { stdout, stderr, socket }
}
