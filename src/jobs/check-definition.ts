import type { z } from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { partsWithoutJson } from './json-schemas.ts'
import { isAsync, parseValue } from './parse-value.ts'
import { maxHoldMs, maxQuietMs } from './unique-options.ts'

/** What a definition may have. */
interface DefinitionRules {
  options: readonly string[]
  backoffOptions: readonly string[]
  queueName: RegExp
  maxTimeoutMs: number
}

/** A year. */
const maxKeepMs = 365 * 86_400_000

const typePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** All mistakes of a definition that can be found without running code of its schemas. A JavaScript file may have put anything into it. */
export function mistakesIn(given: unknown, rules: DefinitionRules): string[] {
  if (typeof given !== 'object' || given === null) return ['defineJob() takes an object']
  const spec: Record<string, unknown> = { ...given }
  return [
    ...unknownOptions(spec, rules.options, ''),
    ...checkName('type', spec['type'], typePattern),
    ...checkText(spec['title'], spec['description']),
    ...checkInteger('version', spec['version'], 0, 2_147_483_647),
    ...checkChoice('runsOn', spec['runsOn'], ['event-loop', 'thread', 'process']),
    ...checkName('queue', spec['queue'] ?? 'io', rules.queueName),
    ...(['input', 'output'] as const).flatMap((name) => checkSchema(name, spec[name])),
    ...checkInteger('attempts', spec['attempts'], 1, 1000),
    ...checkBackoff(spec['backoff'] ?? {}, rules.backoffOptions),
    ...checkInteger('timeoutMs', spec['timeoutMs'], 1, rules.maxTimeoutMs),
    ...checkInteger('cancelGraceMs', spec['cancelGraceMs'], 0, 60_000),
    ...checkInteger('keepResultMs', spec['keepResultMs'], 1000, maxKeepMs),
    ...checkInteger('memoryLimitMb', spec['memoryLimitMb'], 16, 65_536),
    ...checkIsolation(spec),
    ...checkUnique(spec['unique']),
    ...checkDebounce(spec['debounce'], spec['unique']),
    ...checkKeyed('concurrency', spec['concurrency'], ['limit', 'onFull'], { limit: 100_000 }),
    ...checkKeyed('rate', spec['rate'], ['limit', 'perMs', 'burst'], {
      limit: 1_000_000,
      perMs: maxKeepMs,
      burst: 1_000_000,
    }),
    ...checkFunction('fairnessKey', spec['fairnessKey'] ?? String),
    ...checkOrigins(spec['fenceOrigins'] ?? []),
    ...checkExamplesShape(spec['examples'] ?? []),
    ...checkRun(spec['run']),
  ]
}

/** Mistakes that show when the schemas are used: asynchronous ones, and examples that they refuse. */
export function mistakesInUse(spec: { input: unknown; output: unknown; examples?: unknown }): string[] {
  const asynchronous = (['input', 'output'] as const).filter((name) => {
    const schema = spec[name]
    return isSchema(schema) && isAsync(schema)
  })
  if (asynchronous.length > 0)
    return asynchronous.map(
      (name) => `${name}: the schema is asynchronous; use transforms and refinements that are not`,
    )
  if (!Array.isArray(spec.examples)) return []
  return spec.examples.flatMap((example: unknown, n) => [
    ...refusal(`examples[${n}].input`, spec.input, Object(example).input),
    ...(Object.hasOwn(Object(example), 'output')
      ? refusal(`examples[${n}].output`, spec.output, Object(example).output)
      : []),
  ])
}

function refusal(where: string, schema: unknown, value: unknown): string[] {
  if (!isSchema(schema)) return []
  const issue = parseValue(schema, value).error?.issues[0]
  return issue ? [`${[where, ...issue.path.map(String)].join('.')}: ${issue.message}`] : []
}

function unknownOptions(given: object, known: readonly string[], base: string): string[] {
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = didYouMean(name, known)
      const hint = meant === undefined ? `the options are ${known.join(', ')}` : `did you mean "${meant}"?`
      return `there is no option "${base}${name}": ${hint}`
    })
}

function checkName(field: string, value: unknown, pattern: RegExp): string[] {
  if (typeof value === 'string' && pattern.test(value)) return []
  return [`${field} must match ${pattern.source}, and is ${show(value)}`]
}

function checkText(title: unknown, description: unknown): string[] {
  const isTitle = typeof title === 'string' && title.trim() !== ''
  return [
    ...(isTitle ? [] : [`title must be a text that is not empty, and is ${show(title)}`]),
    ...(['string', 'undefined'].includes(typeof description) ? [] : ['description must be a text']),
  ]
}

function checkChoice(field: string, value: unknown, choices: readonly string[]): string[] {
  if (typeof value === 'string' && choices.includes(value)) return []
  const names = choices.map((choice) => `"${choice}"`)
  return [`${field} must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, not ${show(value)}`]
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value
}

function checkSchema(name: 'input' | 'output', schema: unknown): string[] {
  return isSchema(schema) ? partsWithoutJson(schema, name) : [`${name} must be a Zod schema`]
}

function checkInteger(field: string, value: unknown, min: number, max: number): string[] {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) return []
  return [`${field} must be an integer from ${min} to ${max}, and is ${show(value)}`]
}

function checkFunction(field: string, value: unknown): string[] {
  return typeof value === 'function' ? [] : [`${field} must be a function of the input, and is ${show(value)}`]
}

/** `concurrency` or `rate`: a key of the input, and integers up to those of `max`. */
function checkKeyed(field: string, value: unknown, known: string[], max: Record<string, number>): string[] {
  if (value === undefined) return []
  if (typeof value !== 'object' || value === null) return [`${field} must be an object, and is ${show(value)}`]
  const given: Record<string, unknown> = { ...value }
  const required = field === 'rate' ? ['limit', 'perMs'].filter((name) => given[name] === undefined) : []
  return [
    ...unknownOptions(value, ['key', ...known], `${field}.`),
    ...checkFunction(`${field}.key`, given['key']),
    ...required.map((name) => `${field}.${name} is required`),
    ...Object.entries(max).flatMap(([name, most]) => checkInteger(`${field}.${name}`, given[name], 1, most)),
    ...(known.includes('onFull')
      ? checkChoice(`${field}.onFull`, given['onFull'] ?? 'wait', ['wait', 'reject', 'replace'])
      : []),
  ]
}

function checkBackoff(backoff: unknown, known: readonly string[]): string[] {
  if (typeof backoff !== 'object' || backoff === null) return [`backoff must be an object, and is ${show(backoff)}`]
  const { type = 'fixed', delayMs, jitter = 0 }: Record<string, unknown> = { ...backoff }
  const isShare = typeof jitter === 'number' && jitter >= 0 && jitter <= 1
  return [
    ...unknownOptions(backoff, known, 'backoff.'),
    ...checkChoice('backoff.type', type, ['fixed', 'exponential']),
    ...checkInteger('backoff.delayMs', delayMs, 0, 24 * 3_600_000),
    ...(isShare ? [] : [`backoff.jitter must be from 0 to 1, and is ${show(jitter)}`]),
  ]
}

function checkIsolation({ isolation = 'shared', runsOn }: Record<string, unknown>): string[] {
  const choice = checkChoice('isolation', isolation, ['shared', 'fresh'])
  if (choice.length > 0 || isolation === 'shared' || runsOn !== 'event-loop') return choice
  return ['isolation "fresh" needs runsOn "thread" or "process": the event loop is shared by all jobs']
}

function checkUnique(unique: unknown): string[] {
  if (unique === undefined) return []
  if (typeof unique !== 'object' || unique === null) return [`unique must be an object, and is ${show(unique)}`]
  const { key, until, forMs, onConflict = 'existing' }: Record<string, unknown> = { ...unique }
  return [
    ...unknownOptions(unique, ['key', 'until', 'forMs', 'onConflict'], 'unique.'),
    ...(typeof key === 'function' ? [] : ['unique.key must be a function of the input']),
    ...checkChoice('unique.until', until ?? 'ended', ['started', 'ended']),
    ...checkInteger('unique.forMs', forMs, 1, maxHoldMs),
    ...(until === undefined || forMs === undefined ? [] : ['unique.until and unique.forMs exclude each other']),
    ...checkChoice('unique.onConflict', onConflict, ['existing', 'reject', 'replace']),
  ]
}

function checkDebounce(debounce: unknown, unique: unknown): string[] {
  if (debounce === undefined) return []
  if (typeof debounce !== 'object' || debounce === null) return [`debounce must be an object, and is ${show(debounce)}`]
  const { key, quietMs, maxMs }: Record<string, unknown> = { ...debounce }
  return [
    ...unknownOptions(debounce, ['key', 'quietMs', 'maxMs'], 'debounce.'),
    ...(typeof key === 'function' ? [] : ['debounce.key must be a function of the input']),
    ...checkInteger('debounce.quietMs', quietMs ?? show(quietMs), 1, maxQuietMs),
    ...checkInteger('debounce.maxMs', maxMs, typeof quietMs === 'number' ? quietMs : 1, maxHoldMs),
    ...(unique === undefined ? [] : ['unique and debounce exclude each other']),
  ]
}

function checkOrigins(origins: unknown): string[] {
  if (!Array.isArray(origins)) return [`fenceOrigins must be an array, and is ${show(origins)}`]
  const isOrigin = (given: unknown) =>
    typeof given === 'string' && /^https?:/.test(given) && URL.parse(given)?.origin === given
  return origins.flatMap((given: unknown, n) =>
    isOrigin(given)
      ? []
      : [`fenceOrigins[${n}] must be an origin such as "https://api.example.com", and is ${show(given)}`],
  )
}

function checkExamplesShape(examples: unknown): string[] {
  if (!Array.isArray(examples)) return [`examples must be an array, and is ${show(examples)}`]
  return examples.flatMap((example: unknown, n) =>
    typeof example === 'object' && example !== null
      ? unknownOptions(example, ['input', 'output'], `examples[${n}].`)
      : [`examples[${n}] must be an object with an input`],
  )
}

/** A generator that is not async would be taken for the output: it has no values to wait for. */
function checkRun(run: unknown): string[] {
  if (typeof run !== 'function') return ['run must be an async function or an async generator']
  const isSync = Object.prototype.toString.call(run) === '[object GeneratorFunction]'
  return isSync ? ['run must be an async generator: write `async *run`'] : []
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
