import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace, { type Signals } from 'close-with-grace'

/** The part of a logger that a lifecycle needs. A pino logger has it. */
export interface LifecycleLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
  /** For uncaught errors. */
  fatal(fields: object, message: string): void
}

/** Graceful shutdown of a process: closes what it opened, in reverse order, within a time limit. */
export interface Lifecycle {
  /** Aborts when the stop begins. For waits that must end then, such as those of an interrupted boot. */
  readonly signal: AbortSignal
  /** Whether the process stops because of an uncaught error. */
  readonly isFault: boolean
  /**
   * Registers how a part stops. Call it as soon as the part is open. The part that was registered last stops first. A part
   * that is registered during the stop is stopped too.
   */
  onStop(name: string, stop: () => unknown): void
  /** Stops all parts without exiting. Resolves to whether every part stopped in time and without an error. May be called twice. */
  stop(): Promise<boolean>
  /** Stops all parts, then exits with `code`, or with 1 if `code` is 0 and a part did not stop. Returns immediately. */
  exit(code?: number): void
}

const signals: Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/**
 * Signals left to the system. After a real fault no JavaScript can run safely; the others have their own meanings (a core
 * dump, a debugger, a file watcher).
 */
const leftToSystem: Signals[] = ['SIGQUIT', 'SIGUSR2', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV']

/**
 * npm forwards a Ctrl-C that the terminal has also sent, so one key press may arrive as two signals. Only a signal that arrives
 * later than this is a second request.
 */
const oneKeyPressMs = 500

/** When a part takes too long, the remaining parts share this time. */
const reservedMs = 300

/**
 * Shuts this process down gracefully, once:
 *
 * - on SIGTERM, SIGINT or SIGHUP, and when the parent process that started it with an IPC channel is gone: exit code 0;
 * - on an uncaught error, also one thrown by the module that is still booting: exit code 1.
 *
 * A part that fails or takes too long is logged and skipped; then the exit code is 1. `stopWithinMs` limits all parts together:
 * set it above the known time of the slowest part, such as the grace of running jobs. A second signal exits immediately with
 * code 1. `killNow` is called before such an immediate exit and must not wait.
 */
export function createLifecycle(options: { log: LifecycleLog; stopWithinMs: number; killNow?: () => void }): Lifecycle {
  const { log, stopWithinMs, killNow } = options
  const parts: Part[] = []
  const stopping = new AbortController()
  let stopped: Promise<boolean> | undefined
  let exitCode = 0
  let exiting = false
  let isFault = false

  const stop = (): Promise<boolean> => {
    stopping.abort()
    stopped ??= stopAll(parts, { log, stopWithinMs })
    return stopped
  }

  const grace = closeWithGrace(
    {
      // The fallback for stopAll when a part blocks the event loop.
      delay: stopWithinMs + 100,
      logger: false,
      skip: [...signals, ...leftToSystem],
      onSecondError: (err) => {
        log.fatal({ err }, 'another unexpected error while stopping, exiting immediately')
        exitAtOnce()
      },
      onTimeout: (withinMs) => exitNow({ withinMs }, 'failed to stop in time, exiting'),
    },
    async ({ err }) => {
      exiting = true
      isFault = err !== undefined
      if (err) log.fatal({ err }, 'unexpected error, stopping')
      const clean = await stop()
      if (!clean) exitCode ||= 1
      // Without an error close-with-grace would exit with 0.
      if (exitCode !== 0) process.exit(exitCode)
    },
  )

  const exit = (code = 0): void => {
    exitCode ||= code
    if (!exiting) grace.close()
  }

  const exitNow = (fields: object, message: string): never => {
    log.error(fields, message)
    return exitAtOnce()
  }

  const exitAtOnce = (): never => {
    killNow?.()
    process.exit(exitCode || 1)
  }

  let firstSignalAt: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    firstSignalAt ??= performance.now()
    if (performance.now() - firstSignalAt > oneKeyPressMs) exitNow({ signal }, 'second signal, exiting immediately')
    if (!exiting) log.info({ signal }, 'stopping')
    exit()
  }
  for (const signal of signals) process.on(signal, onSignal)

  if (process.send !== undefined) {
    const onParentGone = (): void => {
      if (!exiting) log.info({}, 'the parent process is gone, stopping')
      exit()
    }
    if (process.connected) process.once('disconnect', onParentGone)
    else onParentGone()
  }

  return {
    signal: stopping.signal,
    get isFault() {
      return isFault
    },
    stop,
    exit,
    onStop: (name, stop) => void parts.push({ name, stop }),
  }
}

interface Part {
  name: string
  stop: () => unknown
}

/** Stops the parts from the last to the first. @returns whether all stopped in time and without an error */
async function stopAll(parts: Part[], options: { log: LifecycleLog; stopWithinMs: number }): Promise<boolean> {
  const { log, stopWithinMs } = options
  const endsAt = performance.now() + stopWithinMs
  let clean = true
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const leftMs = Math.max(0, endsAt - performance.now())
    // Not a share for each part: with many parts the slow one would have little of the time.
    const limitMs = Math.max(leftMs / (parts.length + 1), leftMs - reservedMs)
    clean = (await stopPart(part, { log, limitMs })) && clean
  }
  return clean
}

async function stopPart({ name, stop }: Part, options: { log: LifecycleLog; limitMs: number }): Promise<boolean> {
  const { log, limitMs } = options
  const timer = new AbortController()
  try {
    const inTime = await Promise.race([Promise.try(stop).then(() => true), sleep(limitMs, false, timer)])
    if (!inTime) log.error({ part: name, limitMs: Math.round(limitMs) }, 'part did not stop in time, skipping it')
    return inTime
  } catch (err) {
    log.error({ part: name, err }, 'part failed to stop, skipping it')
    return false
  } finally {
    timer.abort()
  }
}
