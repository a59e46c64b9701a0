import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ending, type Running, signalGroup } from './running.ts'

/** A Redis server that runs as long as somebody holds its lease. */
export interface RedisProcess extends Running {
  readonly url: string
  /**
   * The writing end of a pipe. When the last process that holds it is gone, however it went, Redis stops. Handed on to the
   * API and the workers, it keeps Redis there until they have ended, even when the process that started it was killed.
   */
  readonly lease: Writable
}

/**
 * Runs "$@" until standard input ends. A process cannot ask to die with its parent everywhere; a shell that waits for the
 * end of a pipe can. The server must not inherit that pipe, or it would hold its own lease; the waiter must not hold the
 * output, which would stay open after a server that died by itself, and must not outlive it either: the id that it would
 * kill may be another's by then.
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

/** How much of what a server says is kept to explain its end. */
const keptOutput = 2000

/** The command line of a server that listens on the loopback address alone. `appendOnly` says whether it keeps its data in `dir`. */
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

/** The settings of our own servers wherever they run: no snapshots, never throw data away to make room. */
export function storage(appendOnly: boolean): string[] {
  const settings = {
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

/** Starts a server by its command line; it will serve on `port`. Returns at once: await `ready`. */
export function launchRedis(commandLine: readonly string[], port: number): RedisProcess {
  // Its own process group, so that the terminal's Ctrl-C reaches only the one who stops Redis last.
  const child = spawn('sh', ['-c', untilInputEnds, 'sh', ...commandLine], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-keptOutput)
    })
  }
  // Nothing is ever written; a reset when the shell goes first needs no more than this.
  child.stdin.on('error', () => child.stdin.destroy())

  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ code: 1, text: error.message }))
    child.once('close', (code, signal) => {
      child.stdin.destroy()
      resolve({ code: code ?? 1, text: signal ?? `exit code ${code}`, said: said.trim() })
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
 * The first line that a server says to PING: `+PONG`, or `-LOADING …` while it reads its file. Empty where one listens and
 * says nothing, undefined where none listens.
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
