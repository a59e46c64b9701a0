import { type Logger, pino } from 'pino'

/** A pino logger: JSON lines when piped, readable on a terminal. */
export async function createLogger(options: { role: string; level: string }): Promise<Logger> {
  const { role, level } = options
  const settings = {
    level,
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  }
  if (!process.stdout.isTTY) return pino(settings)
  const { default: pretty } = await import('pino-pretty')
  return pino(settings, pretty({ ignore: 'pid,role', messageFormat: `${role}: {msg}`, translateTime: 'HH:MM:ss.l' }))
}

/**
 * Only what is known to be harmless: Redis's errors carry the command that failed, and with it inputs of jobs, or the password
 * that a login was tried with.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { type, message, stack, code } = pino.stdSerializers.err(error)
  return { type, message, stack, ...(code === undefined ? {} : { code }) }
}
