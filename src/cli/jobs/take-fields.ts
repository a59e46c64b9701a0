import { usage } from '../flags.ts'
import { type InputField, parseField } from './input-fields.ts'

export interface Taken {
  /** The input that the flags give; undefined if there were none. */
  input: Record<string, unknown> | undefined
  /** The arguments without these flags. */
  rest: string[]
}

/**
 * Takes the flags of a job type's input out of the arguments of `run`: `--name value`, `--name=value`, `--name` and `--no-name` of what is
 * true or false. A list is the values of a repeated flag, or one JSON array.
 *
 * @throws CommandFailure for values that are missing or of another kind
 */
export function takeFields(args: readonly string[], fields: readonly InputField[]): Taken {
  const byFlag = new Map(fields.map((field) => [field.flag, field]))
  const given = new Map<InputField, unknown[]>()
  const rest: string[] = []
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? ''
    if (arg === '--') {
      rest.push(...args.slice(at))
      break
    }
    const found = findFlag(arg, byFlag)
    if (found === undefined) {
      rest.push(arg)
      continue
    }
    const { field, flag, inline, isNegated } = found
    let value = isNegated ? 'false' : inline
    if (value === undefined && field.kind === 'boolean' && !field.isList) {
      value = ['true', 'false'].includes(args[at + 1] ?? '') ? args[(at += 1)] : 'true'
    }
    if (value === undefined) {
      value = args[(at += 1)]
      if (value === undefined || /^--[a-z]/i.test(value)) usage(`--${flag}: a value is missing`)
    }
    given.set(field, [...(given.get(field) ?? []), ...valuesOf(field, value ?? '')])
  }
  const members = Array.from(given, ([field, values]): [string, unknown] => [field.name, valueOf(field, values)])
  return { input: members.length === 0 ? undefined : Object.fromEntries(members), rest }
}

function findFlag(arg: string, byFlag: ReadonlyMap<string, InputField>) {
  const [, written = '', , inline] = /^--([A-Za-z][\w-]*)(=([^]*))?$/.exec(arg) ?? []
  if (written === '') return undefined
  const flag = written.replaceAll('_', '-')
  const field = byFlag.get(written) ?? byFlag.get(flag) ?? byFlag.get(camelOf(flag))
  if (field !== undefined) return { field, flag: field.flag, inline, isNegated: false }
  const positive = flag.startsWith('no-') ? byFlag.get(flag.slice(3)) : undefined
  if (positive?.kind !== 'boolean' || inline !== undefined) return undefined
  return { field: positive, flag: positive.flag, inline, isNegated: true }
}

const camelOf = (flag: string): string => flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

function valuesOf(field: InputField, text: string): unknown[] {
  const whole = field.isList && text.startsWith('[') ? jsonArray(text) : undefined
  if (whole !== undefined) return whole
  try {
    return [parseField(field, text)]
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return usage(`--${field.flag}: ${error.message}`)
  }
}

function valueOf({ flag, isList, values: known }: InputField, values: unknown[]): unknown {
  if (isList) return values
  const [value] = values
  if (values.length > 1) usage(`--${flag}: was given twice`)
  if (known.length > 0 && typeof value === 'string' && !known.includes(value)) {
    usage(`--${flag}: is one of ${known.join(', ')}`)
  }
  return value
}

function jsonArray(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
