import type { JobFailure } from '../../jobs/job-failure.ts'
import type { ExecutorLog } from './executor.ts'
import type { LineReceiver } from './forward-lines.ts'
import type { ToChild } from './protocol.ts'

/** A thread or a process that runs one handler at a time. */
export interface Host {
  /** Which one it is, as fields of a log line. */
  readonly name: { threadId: number } | { pid: number | undefined }
  /** Does nothing when the host is gone. */
  send(message: ToChild): void
  /** Ends it by force; `gone` tells when it has happened. */
  kill(): void
  /** Resolves when the thread or process no longer exists. Never rejects. */
  readonly gone: Promise<HostEnd>
}

export interface HostSettings {
  memoryLimitMb: number
  allowCidrs: readonly string[]
  log: ExecutorLog
  /** `message` comes from where the job's code runs: not to be trusted. */
  onMessage: (message: unknown) => void
}

export type SpawnHost = (settings: HostSettings) => Host

/** Why a host is gone. */
export type HostEnd =
  | { kind: 'out_of_memory' }
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; signal: string }
  | { kind: 'error'; message: string }

/** Spawns, and gives a host that is gone already when the system refuses: whoever waits for it learns of it in one place. */
export function spawnSafely(spawn: SpawnHost, settings: HostSettings): Host {
  try {
    return spawn(settings)
  } catch (error) {
    const message = `no thread or process could be started: ${error instanceof Error ? error.message : 'it was refused'}`
    return {
      name: { pid: undefined },
      send() {},
      kill() {},
      gone: Promise.resolve({ kind: 'error', message }),
    }
  }
}

/** The failure of a run whose host is gone. `lastWords` is the uncaught error that ended it, where there was one. */
export function describeEnd(end: HostEnd, lastWords: string | undefined, memoryLimitMb: number): JobFailure {
  if (end.kind === 'out_of_memory') {
    return {
      code: 'out_of_memory',
      message: `the job needed more than its ${memoryLimitMb} MB of memory`,
      retryable: true,
    }
  }
  return { code: 'crashed', message: lastWords ?? explain(end), retryable: true }
}

function explain(end: Exclude<HostEnd, { kind: 'out_of_memory' }>): string {
  if (end.kind === 'error') return end.message
  if (end.kind === 'exit') return `the job's code ended its thread or process with exit code ${end.code}`
  return `the job's process was ended by ${end.signal}${hints[end.signal] ?? ''}`
}

const hints: Record<string, string> = {
  SIGKILL: ', by hand or by the system for want of memory',
  SIGABRT: ', which native code and process.abort() send when they give up',
  SIGSEGV: ', a fault in native code',
}

/** Receives what the job's code prints. It is the code's own text: never at a level that wakes somebody up. */
export function hostLines(log: ExecutorLog, name: Host['name'], stream: 'stdout' | 'stderr'): LineReceiver {
  return {
    onLine: (line) => log.info({ ...name, stream, line }, 'printed by a job'),
    onDropped: (dropped) =>
      log.warn({ ...name, stream, dropped }, 'lines printed by a job were dropped: too many a second'),
  }
}
