import type { JobFailure } from '../../jobs/job-failure.ts'
import type { LoadedJob } from '../../jobs/registry.ts'
import type { ExecutorLog } from './executor.ts'
import type { LineReceiver } from './forward-lines.ts'
import type { ToChild } from './protocol.ts'

/** A thread or process that runs one handler at a time. */
export interface Host {
  /** Its id, as fields of a log line. */
  readonly name: { threadId: number } | { child_pid: number | undefined }
  /** No effect once the host is gone. */
  send(message: ToChild): void
  /** Ends it by force; `gone` resolves when it has happened. */
  kill(): void
  /** How long a kill may take. Default 2,000 ms. */
  readonly killTimeoutMs?: number
  /** Resolves when the thread or process no longer exists. Never rejects. */
  readonly gone: Promise<HostEnd>
}

export interface HostSettings {
  memoryLimitMb: number
  /** The job type whose program the host runs; undefined: the host runs job files. */
  program?: LoadedJob | undefined
  allowCidrs: readonly string[]
  /** All environment variables of the host. */
  environment: NodeJS.ProcessEnv
  /** The user that a process runs as; undefined: that of the worker. */
  user: { uid: number; gid: number } | undefined
  log: ExecutorLog
  /** `message` comes from where the job's code runs and must not be trusted. */
  onMessage: (message: unknown) => void
}

export type SpawnHost = (settings: HostSettings) => Host

/** Why a host ended. */
export type HostEnd =
  | { kind: 'out_of_memory' }
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; signal: string }
  | { kind: 'error'; message: string }
  | { kind: 'invalid_message'; message: string }

/** Spawns a host. When the system refuses, returns one that is already gone, so that callers handle this in one place. */
export function spawnSafely(spawn: SpawnHost, settings: HostSettings): Host {
  try {
    return spawn(settings)
  } catch (error) {
    const message = `failed to start a thread or process: ${error instanceof Error ? error.message : 'refused'}`
    return {
      name: { child_pid: undefined },
      send() {},
      kill() {},
      gone: Promise.resolve({ kind: 'error', message }),
    }
  }
}

/** The failure of a run whose host ended. `uncaught` describes the uncaught error that ended it, if there was one. */
export function describeEnd(end: HostEnd, uncaught: string | undefined, memoryLimitMb: number): JobFailure {
  if (end.kind === 'out_of_memory') {
    return {
      code: 'out_of_memory',
      message: `the job exceeded its memory limit of ${memoryLimitMb} MB`,
      retryable: true,
    }
  }
  if (end.kind === 'invalid_message') return { code: 'invalid_message', message: end.message, retryable: true }
  return { code: 'crashed', message: uncaught ?? explain(end), retryable: true }
}

function explain(end: Exclude<HostEnd, { kind: 'out_of_memory' | 'invalid_message' }>): string {
  if (end.kind === 'error') return end.message
  if (end.kind === 'exit') return `the job's code ended its thread or process with exit code ${end.code}`
  return `the job's process was ended by signal ${end.signal}${hints[end.signal] ?? ''}`
}

const hints: Record<string, string> = {
  SIGKILL: ', sent by hand or by the system when memory is short',
  SIGABRT: ', sent by process.abort() or by native code that gave up',
  SIGSEGV: ', a fault in native code',
}

/** Logs what the job's code prints. The text is the code's own, so the level never rises above info. */
export function hostLines(log: ExecutorLog, name: Host['name'], stream: 'stdout' | 'stderr'): LineReceiver {
  return {
    onLine: (line) => log.info({ ...name, stream, line }, 'printed by a job'),
    onDropped: (dropped) =>
      log.warn({ ...name, stream, dropped }, 'dropped lines printed by a job: too many per second'),
  }
}
