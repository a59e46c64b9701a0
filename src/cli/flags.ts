import { Client } from './client/client.ts'
import { findTarget } from './client/target.ts'
import { CommandFailure } from './command-failure.ts'

/** The flag of every command that calls a server. */
export const serverFlags = {
  context: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'name',
    brief: 'The server: a context of drover login. Default: DROVER_URL, else the current context',
  },
} as const

export interface ServerFlags {
  context?: string | undefined
}

/** A client of the server that the flags and the environment name. @throws CommandFailure */
export const openClient = async ({ context }: ServerFlags): Promise<Client> =>
  new Client(await findTarget(context, process.env))

/** The flags of commands that watch something to its end. */
export const watchFlags = {
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    optional: true,
    placeholder: 'time',
    brief: 'How long to watch at most, as in 30, 90s, 5m or 2h: then the exit code is 124, and the work goes on',
  },
  quiet: { kind: 'boolean', default: false, withNegated: false, brief: 'Print data and errors alone' },
} as const

export interface WatchFlags {
  timeout?: number | undefined
  quiet: boolean
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** The longest time of a timer of Node.js. */
const maxDurationMs = 2_147_483_647

/** A duration in ms: a number of seconds, or with a unit. @throws SyntaxError */
export function parseDuration(text: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? []
  const ms = Math.round(Number(number) * (units[unit] ?? 0))
  if (number === '' || ms > maxDurationMs) throw new SyntaxError('is no duration, such as 30, 90s, 5m or 2h')
  return ms
}

/** A whole number from 1. @throws SyntaxError */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) throw new SyntaxError('is no number from 1')
  return count
}

/** A time: RFC 3339, or a duration before now. @returns RFC 3339. @throws SyntaxError */
export function parseTime(text: string): string {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)?$/.test(text)) return new Date(Date.now() - parseDuration(text)).toISOString()
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new SyntaxError('is no time, such as 2026-12-01T08:00:00Z, or 2h for two hours ago')
  return new Date(at).toISOString()
}

/** A query string with a leading `?`, or nothing without parameters. */
export function queryOf(parameters: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value))
  return query.size === 0 ? '' : `?${query.toString()}`
}

/** @throws CommandFailure */
export function usage(message: string): never {
  throw new CommandFailure('usage', message)
}
