import { type Logger, pino } from 'pino'

/** A pino logger: JSON lines when piped, readable on a terminal. */
export async function createLogger(options: { role: string; level: string }): Promise<Logger> {
  const { role, level } = options
  const settings = { level, base: { role, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }
  if (!process.stdout.isTTY) return pino(settings)
  const { default: pretty } = await import('pino-pretty')
  return pino(settings, pretty({ ignore: 'pid,role', messageFormat: `${role}: {msg}`, translateTime: 'HH:MM:ss.l' }))
}
