import { LineCounter, parseDocument } from 'yaml'
import { mistakesInUse } from '../check-definition.ts'
import { defineJob, type Job } from '../define-job.ts'
import { DefinitionError } from '../definition-error.ts'
import { didYouMean } from '../did-you-mean.ts'
import { atPointer } from './at-pointer.ts'

/** The options of a `.job.yaml` file, and what `defineJob` calls them. */
const names: Record<string, string> = {
  type: 'type',
  title: 'title',
  description: 'description',
  version: 'version',
  runs_on: 'runsOn',
  queue: 'queue',
  command: 'command',
  mode: 'mode',
  max_jobs: 'maxJobs',
  input: 'input',
  output: 'output',
  attempts: 'attempts',
  backoff: 'backoff',
  timeout_ms: 'timeoutMs',
  cancel_grace_ms: 'cancelGraceMs',
  keep_result_ms: 'keepResultMs',
  memory_limit_mb: 'memoryLimitMb',
  isolation: 'isolation',
  unique: 'unique',
  debounce: 'debounce',
  concurrency: 'concurrency',
  rate: 'rate',
  fairness_key: 'fairnessKey',
  examples: 'examples',
}
/** The members of options that are objects. */
const memberNames: Record<string, string> = {
  delay_ms: 'delayMs',
  per_process: 'perProcess',
  on_full: 'onFull',
  per_ms: 'perMs',
  for_ms: 'forMs',
  on_conflict: 'onConflict',
  quiet_ms: 'quietMs',
  max_ms: 'maxMs',
}
const withMembers = ['backoff', 'unique', 'debounce', 'concurrency', 'rate']
const withKey = ['unique', 'debounce', 'concurrency', 'rate']

/**
 * Reads a `.job.yaml` file: a job type whose handler is a program. Options are those of `defineJob` in snake_case; a key is a JSON Pointer
 * into the input.
 *
 * @throws DefinitionError with all mistakes, each with its line and column.
 */
export function readJobFile(text: string): Job {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `line ${line}, column ${col}`
  }
  if (document.errors.length > 0) {
    throw new DefinitionError(document.errors.map(({ message, pos }) => `${place(pos[0])}: ${message}`))
  }
  const given: unknown = document.toJS({ maxAliasCount: 100 })
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new DefinitionError(['the file must hold an object with type, title, command, input and output'])
  /** A mistake begins with the option that it is about, `a.b[1].c`, or names it in quotes. */
  const placed = (mistake: string): string => {
    const [, option = ''] = /^(?:there is no option ")?([\w.[\]]+)/.exec(mistake) ?? []
    const path = option.split(/[.[\]]+/).filter((step) => step !== '')
    for (let length = path.length; length > 0; length--) {
      const steps = path.slice(0, length).map((step) => (/^\d+$/.test(step) ? Number(step) : step))
      const node: unknown = document.getIn(steps, true)
      const { range }: { range?: unknown } = Object(node)
      if (Array.isArray(range)) return `${place(Number(range[0]))}: ${mistake}`
    }
    return `line 1, column 1: ${mistake}`
  }
  const { spec, mistakes } = toSpec(given)
  const found = [...mistakes, ...mistakesOf(spec)]
  if (found.length > 0) throw new DefinitionError(found.map(inSnakeCase).map(placed))
  return define(spec)
}

/** `defineJob` checks what it is given: a file may hold anything. */
const define = defineJob as (spec: unknown) => Job

function mistakesOf(spec: unknown): readonly string[] {
  try {
    return mistakesInUse(define(spec))
  } catch (error) {
    if (error instanceof DefinitionError) return error.mistakes
    throw error
  }
}

function toSpec(given: object): { spec: Record<string, unknown>; mistakes: string[] } {
  const mistakes: string[] = []
  const rename = (members: object, known: Record<string, string>, base: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(members).flatMap(([name, value]) => {
        if (known[name] !== undefined) return [[known[name], value]]
        const meant = didYouMean(name, Object.keys(known)) ?? known[didYouMean(name, Object.values(known)) ?? '']
        const hint =
          meant === undefined ? `the options are ${Object.keys(known).join(', ')}` : `did you mean "${meant}"?`
        mistakes.push(`there is no option "${base}${name}": ${hint}`)
        return []
      }),
    )
  const spec = rename(given, names, '')
  for (const name of withMembers) {
    const members = spec[name]
    if (typeof members !== 'object' || members === null) continue
    const renamed = Object.fromEntries(Object.entries(members).map(([key, value]) => [memberNames[key] ?? key, value]))
    spec[name] = withKey.includes(name) && 'key' in renamed ? { ...renamed, key: keyOf(renamed['key']) } : renamed
  }
  if ('fairnessKey' in spec) spec['fairnessKey'] = keyOf(spec['fairnessKey'])
  if (!('command' in spec)) mistakes.push('command is required: an array of the program and its arguments')
  return { spec: { command: [], ...spec }, mistakes }
}

/** What a pointer is for, as a function of the input. Anything else is left for the check of the definition to refuse. */
function keyOf(pointer: unknown): unknown {
  if (typeof pointer !== 'string' || !/^(\/.*)?$/.test(pointer)) return pointer
  return (input: unknown): string | undefined => {
    const value = atPointer(input, pointer)
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined
  }
}

/** Mistakes name options as `defineJob` does. */
function inSnakeCase(mistake: string): string {
  const renamed = new Map(
    [...Object.entries(names), ...Object.entries(memberNames)].map(([snake, camel]) => [camel, snake]),
  )
  return mistake
    .replaceAll(/\b[a-z]+(?:[A-Z][a-z]+)+\b/g, (word) => renamed.get(word) ?? word)
    .replace('must be a function of the input, and is', 'must be a JSON Pointer into the input, as in /user, and is')
    .replace('must be a function of the input', 'must be a JSON Pointer into the input, as in /user')
}
