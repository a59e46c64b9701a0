import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace, { type Signals } from 'close-with-grace'

/** What a lifecycle needs of a logger; a pino logger will do. */
export interface LifecycleLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** How a process ends: what it opened, closed in reverse order, within a bound. */
export interface Lifecycle {
  /** Aborts when the stop begins. For waits that must not outlive it, such as those of a boot that is interrupted. */
  readonly signal: AbortSignal
  /** Whether it ends because of an error that nobody caught. */
  readonly isFault: boolean
  /**
   * Registers how a part stops. Call it as soon as the part is open: the last one registered stops first. A part that is
   * registered while the others are being stopped is stopped too.
   */
  onStop(name: string, stop: () => unknown): void
  /** Stops everything and leaves the process running. Resolves to whether every part stopped in time, without an error. May be called twice. */
  stop(): Promise<boolean>
  /** Stops everything, then exits: with `code`, or 1 where it is 0 and a part did not stop. Returns at once. */
  exit(code?: number): void
}

const signals: Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/**
 * Left to the system. After a real fault no JavaScript can run safely, and the others have meanings of their own (a core
 * dump, a debugger, a file watcher).
 */
const notOurs: Signals[] = ['SIGQUIT', 'SIGUSR2', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV']

/**
 * npm forwards a Ctrl-C that the terminal has also sent by itself, so one key press may arrive as two signals. Only one
 * that comes later than this is a second wish.
 */
const oneKeyPressMs = 500

/** Kept for each part that is still to stop when an earlier one takes too long. */
const reservedMs = 100

/**
 * Ends this process in order, once:
 *
 * - on SIGTERM, SIGINT or SIGHUP, and when the process that started it with a channel (IPC) is gone: exit code 0;
 * - on an error that nobody caught, also one thrown by the module that is still booting: exit code 1.
 *
 * A part that fails or takes too long is logged and left; then the exit code is 1. `stopWithinMs` bounds all parts
 * together: set it above the time that the slowest is known to take, such as the grace that running jobs get. A second
 * signal exits at once with code 1. `killNow` is called before an exit that did not wait, and must not wait either.
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
      // The net under stopAll, for a part that blocks the event loop.
      delay: stopWithinMs + reservedMs,
      logger: false,
      skip: [...signals, ...notOurs],
      onSecondError: (err) => exitNow({ err }, 'another unexpected error while stopping, exiting at once'),
      onTimeout: (withinMs) => exitNow({ withinMs }, 'not stopped in time, exiting'),
    },
    async ({ err }) => {
      exiting = true
      isFault = err !== undefined
      if (err) log.error({ err }, 'unexpected error, stopping')
      const clean = await stop()
      if (!clean) exitCode ||= 1
      // Without an error close-with-grace itself would exit with 0.
      if (exitCode !== 0) process.exit(exitCode)
    },
  )

  const exit = (code = 0): void => {
    exitCode ||= code
    if (!exiting) grace.close()
  }

  const exitNow = (fields: object, message: string): never => {
    log.error(fields, message)
    killNow?.()
    process.exit(exitCode || 1)
  }

  let firstSignalAt: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    firstSignalAt ??= performance.now()
    if (performance.now() - firstSignalAt > oneKeyPressMs) exitNow({ signal }, 'second signal, exiting at once')
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

/** Takes the parts from the end until there are none. @returns whether all went well */
async function stopAll(parts: Part[], options: { log: LifecycleLog; stopWithinMs: number }): Promise<boolean> {
  const { log, stopWithinMs } = options
  const endsAt = performance.now() + stopWithinMs
  let clean = true
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const limitMs = Math.max(reservedMs, endsAt - performance.now() - reservedMs * parts.length)
    clean = (await stopPart(part, { log, limitMs })) && clean
  }
  return clean
}

async function stopPart({ name, stop }: Part, options: { log: LifecycleLog; limitMs: number }): Promise<boolean> {
  const { log, limitMs } = options
  const timer = new AbortController()
  try {
    const inTime = await Promise.race([Promise.try(stop).then(() => true), sleep(limitMs, false, timer)])
    if (!inTime) log.error({ part: name, limitMs: Math.round(limitMs) }, 'did not stop in time, going on without it')
    return inTime
  } catch (err) {
    log.error({ part: name, err }, 'failed to stop, going on without it')
    return false
  } finally {
    timer.abort()
  }
}
