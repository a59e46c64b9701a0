import { z } from 'zod'
import { fromJsonSchema, type JsonSchema } from './json-schema.ts'

/** How the handler of a job type that is a program runs. */
export interface Program {
  /** As the definition has it; see `resolveCommand`. */
  readonly command: readonly string[]
  readonly mode: 'warm' | 'once'
  /** How many jobs run in one process at the same time. */
  readonly perProcess: number
  /** A warm process is replaced after so many jobs. */
  readonly maxJobs: number
}

/** What the definition of a program has besides that of a function. */
export interface ProgramOptions {
  /** The program and its arguments. Files are relative to the file of the definition. See docs/handler-protocol.md. */
  command: readonly string[]
  /** `warm` (default): the process stays for the next job, and speaks the protocol. `once`: a process for each job, without protocol. */
  mode?: 'warm' | 'once'
  /** A warm process is replaced after so many jobs. Default 1,000; with `isolation: 'fresh'` 1. */
  maxJobs?: number
}

/** How long a program may take to end after SIGTERM, before SIGKILL. */
export const termGraceMs = 5000

/** In one warm process at the same time. */
const maxPerProcess = 10_000
const maxMaxJobs = 1_000_000

/**
 * Separates what makes a definition a program from the rest of it. The rest has schemas of Zod and a `run` that rejects: the worker runs the
 * program in its place. A definition without `command` is returned as it is.
 */
export function readProgram(given: unknown): { spec: unknown; program?: Program; mistakes: string[] } {
  if (typeof given !== 'object' || given === null || !('command' in given)) return { spec: given, mistakes: [] }
  const { command, mode = 'warm', maxJobs, ...rest }: Record<string, unknown> = { ...given }
  const { perProcess, keyed, mistakes: inConcurrency } = readConcurrency(rest['concurrency'])
  const isFresh = rest['isolation'] === 'fresh'
  const input = readSchema('input', rest['input'])
  const output = readSchema('output', rest['output'])
  const isOnce = mode === 'once'
  const mistakes = [
    ...checkCommand(command),
    ...(mode === 'warm' || isOnce ? [] : [`mode must be "warm" or "once", not ${JSON.stringify(mode)}`]),
    ...(rest['runsOn'] === undefined || rest['runsOn'] === 'process'
      ? []
      : [`runsOn must be "process" for a program, not ${JSON.stringify(rest['runsOn'])}`]),
    ...checkCount('maxJobs', maxJobs, maxMaxJobs),
    ...inConcurrency,
    ...(isOnce && maxJobs !== undefined ? ['maxJobs is for mode "warm": a process of mode "once" runs one job'] : []),
    ...(perProcess > 1 && (isOnce || isFresh)
      ? ['concurrency: more than one job in a process needs mode "warm" and isolation "shared"']
      : []),
    ...('run' in rest ? ['command and run exclude each other'] : []),
    ...input.mistakes,
    ...output.mistakes,
  ]
  const spec = {
    ...rest,
    runsOn: 'process',
    input: input.schema,
    output: output.schema,
    concurrency: keyed,
    run: refuseToRun,
  }
  if (mistakes.length > 0) return { spec, mistakes }
  const program = {
    command: z.array(z.string()).parse(command),
    mode: isOnce ? ('once' as const) : ('warm' as const),
    perProcess,
    maxJobs: typeof maxJobs === 'number' ? maxJobs : isFresh ? 1 : 1000,
  }
  return { spec, program, mistakes }
}

const refuseToRun = () => Promise.reject(new TypeError('the handler of this job type is a program'))

function checkCommand(command: unknown): string[] {
  const parts: unknown[] = Array.isArray(command) ? command : []
  if (parts.length === 0 || parts[0] === '') return ['command must be an array of texts: the program and its arguments']
  return parts.flatMap((part, n) => {
    if (typeof part === 'string' && !part.includes('\0')) return []
    return [
      `command[${n}] must be a text${typeof part === 'string' ? ' without NUL' : `, and is ${String(part)}: quote it`}`,
    ]
  })
}

function checkCount(field: string, value: unknown, max: number): string[] {
  const isCount = value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max)
  return isCount ? [] : [`${field} must be an integer from 1 to ${max}, and is ${JSON.stringify(value)}`]
}

/** An integer is short for `{ perProcess }`; the other members are those of every job type. */
function readConcurrency(given: unknown): { perProcess: number; keyed: unknown; mistakes: string[] } {
  const isShort = typeof given !== 'object' || given === null
  const { perProcess = 1, ...others }: Record<string, unknown> = isShort ? { perProcess: given } : { ...given }
  const mistakes = checkCount(isShort ? 'concurrency' : 'concurrency.perProcess', perProcess, maxPerProcess)
  const keyed = Object.keys(others).length > 0 ? others : undefined
  return { perProcess: mistakes.length > 0 ? 1 : Number(perProcess), keyed, mistakes }
}

/** A mistake is left to the check of all definitions where the value is no schema at all. */
function readSchema(name: 'input' | 'output', given: unknown): { schema: unknown; mistakes: string[] } {
  if (!isJsonSchema(given))
    return { schema: given ?? z.never(), mistakes: given === undefined ? [`${name} is required`] : [] }
  try {
    return { schema: fromJsonSchema(given), mistakes: [] }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read'
    return { schema: z.unknown(), mistakes: [`${name} is no JSON Schema: ${reason}`] }
  }
}

function isJsonSchema(given: unknown): given is JsonSchema {
  if (typeof given === 'boolean') return true
  return typeof given === 'object' && given !== null && !Array.isArray(given) && !('_zod' in given)
}
