import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ending, type Running, signalGroup } from './running.ts'

/** A Redis server that runs as long as any process holds its lease. */
export interface RedisProcess extends Running {
  readonly url: string
  /**
   * The writing end of a pipe. Redis stops when the last process that holds it has ended, even by SIGKILL. The API and the
   * workers inherit it, so Redis outlives them, even when the process that started Redis was killed.
   */
  readonly lease: Writable
}

/**
 * Runs "$@" until standard input ends. Not every system lets a process ask to die with its parent, but a shell can wait for the
 * end of a pipe. The server must not inherit that pipe, or it would hold its own lease. The waiting subshell must not hold the
 * output, which would stay open after a server that ended by itself. Nor may it outlive the server: the process id that it would
 * kill may belong to another process by then.
 */
const untilInputEnds = `
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
{ read -r line <&3; kill "$server"; } >/dev/null 2>&1 &
waiter=$!
exec 3<&-
wait "$server"
code=$?
kill "$waiter" 2>/dev/null
exit "$code"
`

/** How much of a server's output is kept to explain its end, in characters. */
const keptOutput = 2000

/** The command line of a server that listens on the loopback address only. With `appendOnly` it keeps its data in `dir`. */
export function redisCommand(options: {
  command: string
  port: number
  dir: string
  appendOnly: boolean
  more?: readonly string[]
}): string[] {
  const { command, port, dir, appendOnly, more = [] } = options
  return [command, '--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...storage(appendOnly), ...more]
}

/** Settings of every Redis that the project starts: no snapshots, no eviction, and jobs in few bytes: see docs/redis.md. */
export function storage(appendOnly: boolean): string[] {
  const settings = {
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    'maxmemory-policy': 'noeviction',
    'hash-max-listpack-value': '512',
    'stream-node-max-bytes': '256',
    loglevel: 'warning',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

/** Starts a server by its command line, which must make it listen on `port`. Returns immediately: await `ready`. */
export function launchRedis(commandLine: readonly string[], port: number): RedisProcess {
  // Its own process group: the terminal's Ctrl-C must reach only the parent process, which stops Redis last.
  const child = spawn('sh', ['-c', untilInputEnds, 'sh', ...commandLine], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptOutput)
    })
  }
  // Nothing is ever written, so a connection reset when the shell ends first needs no other handling.
  child.stdin.on('error', () => child.stdin.destroy())

  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ code: 1, text: error.message }))
    child.once('close', (code, signal) => {
      child.stdin.destroy()
      resolve({ code: code ?? 1, text: signal ?? `exit code ${code}`, output: output.trim() })
    })
  })

  return {
    url: `redis://127.0.0.1:${port}`,
    lease: child.stdin,
    ended,
    async ready(signal) {
      while ((await answerToPing(port)) !== '+PONG') await sleep(20, undefined, { signal })
    },
    async stop(withinMs) {
      child.stdin.end()
      const kill = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), withinMs)
      await ended
      clearTimeout(kill)
    },
    send: (name) => signalGroup(child.pid, name),
  }
}

/**
 * The first line of a server's answer to PING: `+PONG`, or `-LOADING …` while it loads its file. Empty if a server listens but
 * does not answer, undefined if none listens.
 */
export function answerToPing(where: number | string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where)
    const answer = (line?: string): void => {
      socket.destroy()
      resolve(line)
    }
    socket.setTimeout(1000, () => answer(socket.connecting ? undefined : ''))
    socket.once('error', () => answer())
    socket.once('close', () => answer())
    socket.once('data', (data) => answer(data.toString('latin1').split('\r\n', 1)[0]))
    socket.write('PING\r\n')
  })
}
