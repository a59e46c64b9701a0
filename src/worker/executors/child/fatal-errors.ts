import { inspect } from 'node:util'
import { describeThrown } from '../../handler/run-handler.ts'
import type { ChildChannel } from './channel.ts'

/**
 * Reports errors that nothing caught. An error of the current run ends this thread or process, and the run with it. An error that
 * code of an earlier run throws late is reported and has no effect on the current run; the pool replaces this host afterwards.
 */
export function reportFatalErrors(options: {
  channel: ChildChannel
  /** The run whose code is executing. */
  responsibleRun: () => number | undefined
  currentRun: () => number | undefined
  /** Replaces the secrets of the current run in a text. */
  redact: (text: string) => string
}): void {
  const { channel, responsibleRun, currentRun, redact } = options
  const earlierRun = () => {
    const run = responsibleRun()
    return run === currentRun() ? undefined : run
  }

  process.on('uncaughtException', (error, origin) => {
    // The job's code handles its uncaught errors itself.
    if (process.listenerCount('uncaughtException') > 1) return
    const kind = origin === 'unhandledRejection' ? 'an unhandled rejection' : 'an uncaught exception'
    const message = redact(`${kind} in the job's code: ${describeThrown(error).message}`)
    if (earlierRun() !== undefined) return channel.send({ type: 'late_error', message })
    channel.send({ type: 'dying', message, isOfEarlierRun: false })
    process.stderr.write(`${redact(inspect(error))}\n`)
    process.exit(1)
  })

  process.on('exit', (code) => {
    if (earlierRun() === undefined) return
    const message = `code of an earlier job ended the thread or process with exit code ${code}`
    channel.send({ type: 'dying', message, isOfEarlierRun: true })
  })
}
