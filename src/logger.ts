import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { type Logger, pino, stdSerializers } from 'pino'
import { OutageLog } from './outage-log.ts'
import { isOutage, isOutageForSure } from './queue/redis/connection.ts'

export interface LoggerOptions {
  role: string
  level: string
  /** Default: readable lines on a terminal, else JSON. */
  format?: 'pretty' | 'json' | undefined
  /** Fields of each line. */
  more?: object
}

/**
 * The pino logger of a process. Of an error it logs type, message, code and stack alone, of an outage of Redis no stack and few lines: see
 * {@link OutageLog}. A fatal line is always written, with the stack: its error ends the process, and may be one of a handler's own client. What other code prints by `console`, and the warnings of Node.js, become lines of it.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const { role, level, more } = options
  const outages = new OutageLog((severity, fields, message) =>
    unfiltered[severity](
      withError(fields, (error) => !isOutage(error)),
      message,
    ),
  )
  const settings = {
    level,
    base: { role, pid: process.pid, ...more },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  }
  const hooks: NonNullable<pino.LoggerOptions['hooks']> = {
    logMethod(args, method, severity) {
      const [fields, message] = args
      if (severity >= fatalSeverity) args[0] = withError(fields, () => true)
      else if (isOfConnection(fields)) args[0] = withError(fields, (error) => !isOutage(error))
      const write = (): void => method.apply(this, args)
      if (severity >= fatalSeverity || severity <= debugSeverity || outages.admits(fields, String(message), write))
        write()
    },
  }
  const destination = await openDestination(options)
  const unfiltered = pino(settings, destination)
  const log = pino({ ...settings, hooks }, destination)
  process.once('exit', () => outages.stop())
  captureOutput(log)
  return log
}

const debugSeverity = pino.levels.values['debug'] ?? 20
const fatalSeverity = pino.levels.values['fatal'] ?? 60

async function openDestination({ role, format }: LoggerOptions): Promise<pino.DestinationStream> {
  const isPretty = format === undefined ? process.stdout.isTTY : format === 'pretty'
  if (!isPretty) return pino.destination(1)
  const { default: pretty } = await import('pino-pretty')
  return pretty({ ignore: 'pid,role,worker', messageFormat: `${role}: {msg}`, translateTime: 'HH:MM:ss.l' })
}

/**
 * Errors of ioredis carry their command with all its arguments, and these contain what clients sent. The code of a failed connection does not
 * say that it was one to Redis: a handler may have a client of its own.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  return summarize(error, !isOutageForSure(error))
}

function summarize(error: Error, hasStack: boolean): object {
  const { type, message, stack } = stdSerializers.err(error)
  const code: unknown = 'code' in error ? error.code : undefined
  return { type, message, ...(hasStack && { stack }), ...(typeof code === 'string' && { code }) }
}

const isOfConnection = (fields: unknown): boolean => Object.hasOwn(Object(fields) as object, 'connection')

/** Describes the `err` of a line here, where more is known of it than its class. */
function withError<Fields>(fields: Fields, hasStack: (error: Error) => boolean): Fields {
  const { err } = Object(fields) as { err?: unknown }
  return err instanceof Error ? { ...fields, err: summarize(err, hasStack(err)) } : fields
}

/** Libraries and handlers on the event loop print bare text, which no reader of JSON lines understands. */
function captureOutput(log: Logger): void {
  const lines = (level: 'info' | 'warn') =>
    new Writable({
      decodeStrings: false,
      write(text: unknown, _encoding, done) {
        log[level]({ source: 'console' }, String(text).trimEnd())
        done()
      },
    })
  globalThis.console = new Console({ stdout: lines('info'), stderr: lines('warn') })
  // The listener of Node.js itself writes to stderr.
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ source: 'node', name }, message))
}
