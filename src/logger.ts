import { type Logger, pino, stdSerializers } from 'pino'

/** A pino logger, with `more` fields in each line: JSON lines when piped, readable lines on a terminal. Of an error it logs type, message, code and stack alone. */
export async function createLogger(options: { role: string; level: string; more?: object }): Promise<Logger> {
  const { role, level, more } = options
  const settings = {
    level,
    base: { role, pid: process.pid, ...more },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  }
  if (!process.stdout.isTTY) return pino(settings)
  const { default: pretty } = await import('pino-pretty')
  return pino(
    settings,
    pretty({ ignore: 'pid,role,worker', messageFormat: `${role}: {msg}`, translateTime: 'HH:MM:ss.l' }),
  )
}

/** Errors of ioredis carry their command with all its arguments, and these contain what clients sent. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { type, message, stack } = stdSerializers.err(error)
  const code: unknown = 'code' in error ? error.code : undefined
  return { type, message, stack, ...(typeof code === 'string' && { code }) }
}
