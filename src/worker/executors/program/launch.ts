import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { Duplex, Readable, Writable } from 'node:stream'
import { resolveCommand } from '../../../jobs/program/resolve-command.ts'
import type { LoadedJob } from '../../../jobs/registry.ts'
import type { HostEnd, HostSettings } from '../host.ts'
import { killMarked, killWithPrograms, whenGone } from '../process-group.ts'
import type { GroupMemory } from './group-memory.ts'
import { WorkFolder } from './work-folder.ts'

/** What the program finds the SDK by. */
const pythonSdk = join(import.meta.dirname, '../../../../sdk/python')

/**
 * Starts the program with umask 077 and without the descriptor by which its group ends with the worker: a shell waits for the end of
 * descriptor 5, which comes when the worker has died in whatever way, and kills the group. A pipe alone would end only a program that reads it.
 */
const launcher = `
umask 077
folder=$1
shift
(trap '' TERM INT HUP; read -r _; kill -s KILL $$; cd /; rm -rf -- "$folder"; kill -s KILL -- -$$) <&5 >/dev/null 2>&1 3<&- 4<&- 5<&- &
exec "$@" 5<&-
`

export interface Launched {
  readonly name: { child_pid: number | undefined }
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Descriptors 3 and 4 of the program, where it speaks the protocol. */
  readonly channel: { write: Duplex; read: Duplex } | undefined
  readonly folder: WorkFolder
  /** SIGTERM to the group, and SIGKILL after the grace. `why` stands in the place of the signal. Safe to call twice. */
  end(graceMs: number, why?: HostEnd): void
  /** Resolves when the process is gone and its folder is removed. Never rejects. */
  readonly gone: Promise<HostEnd>
}

export interface LaunchOptions {
  loaded: LoadedJob
  settings: Pick<HostSettings, 'environment' | 'user' | 'memoryLimitMb'>
  memory: GroupMemory
  speaksProtocol: boolean
  /** More variables. */
  env?: NodeJS.ProcessEnv
}

/** @throws when the system refuses at once; a later refusal resolves `gone` */
export function launch({ loaded, settings, memory, speaksProtocol, env }: LaunchOptions): Launched {
  const folder = new WorkFolder(settings.user)
  const dir = dirname(loaded.file)
  const environment: NodeJS.ProcessEnv = {
    ...settings.environment,
    TMPDIR: folder.path,
    DROVER_JOB_DIR: dir,
    // Compiled files beside the sources would be changes of job files, which npm start loads again.
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONPATH: [settings.environment['PYTHONPATH'], pythonSdk].filter(Boolean).join(':'),
    ...(speaksProtocol && { DROVER_FDS: '3,4' }),
    ...env,
  }
  const { command } = resolveCommand(loaded.job.program?.command ?? [], { folder: dir, path: environment['PATH'] })
  const fds = speaksProtocol ? 'pipe' : 'ignore'
  const child = spawn('/bin/sh', ['-c', launcher, 'drover-program', folder.path, ...command], {
    cwd: folder.path,
    detached: true,
    env: environment,
    ...settings.user,
    stdio: ['pipe', 'pipe', 'pipe', fds, fds, 'pipe'],
  })
  return follow(child, { folder, settings, memory })
}

function follow(
  child: ChildProcess,
  { folder, settings, memory }: { folder: WorkFolder } & Pick<LaunchOptions, 'settings' | 'memory'>,
): Launched {
  const { pid } = child
  const [stdin, stdout, stderr, write, read, life]: unknown[] = Array.isArray(child.stdio) ? child.stdio : []
  const streams = [stdin, stdout, stderr, write, read, life].filter((stream) => stream instanceof Duplex)
  // The end of the process tells the reason of a broken pipe.
  for (const stream of streams) stream.on('error', () => {})
  // Unread, they would never close, and so never would the process.
  for (const stream of [stdin, write, life]) if (stream instanceof Duplex) stream.resume()

  let why: HostEnd | undefined
  let isEnded = false
  let timer: NodeJS.Timeout | undefined
  const isAlive = () => child.exitCode === null && child.signalCode === null
  const kill = () => {
    if (isAlive()) killWithPrograms(pid)
  }
  const end = (graceMs: number, reason?: HostEnd): void => {
    if (pid === undefined || !isAlive()) return
    why ??= reason
    isEnded = true
    if (graceMs === 0) return kill()
    signalGroup(pid, 'SIGTERM')
    timer ??= setTimeout(kill, graceMs)
  }
  const unwatch =
    pid === undefined
      ? undefined
      : memory.watch(pid, { limitMb: settings.memoryLimitMb, onExceeded: () => end(0, { kind: 'out_of_memory' }) })
  const gone = whenGone(child).then(async (ended) => {
    clearTimeout(timer)
    unwatch?.()
    for (const stream of streams) stream.destroy()
    // Not of a program that has left by itself, and well: it may have meant to leave a daemon.
    if (isEnded || ended.kind !== 'exit' || ended.code !== 0) killMarked(`TMPDIR=${folder.path}`)
    await folder.remove()
    return why ?? ended
  })
  const hasPipes = stdin instanceof Writable && stdout instanceof Readable && stderr instanceof Readable
  if (!hasPipes) throw new Error('the system had no file descriptors left')
  const channel = write instanceof Duplex && read instanceof Duplex ? { write, read } : undefined
  return { name: { child_pid: pid }, stdin, stdout, stderr, channel, folder, end, gone }
}

/** No effect if no process of the group is left. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
