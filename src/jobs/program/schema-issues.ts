import type { ErrorObject } from 'ajv/dist/2020.js'
import type { z } from 'zod'

/** Of a value in a message, in characters. */
const maxShown = 100

/** The mistakes of Ajv as issues of Zod, in the words that Zod uses for them. Of a choice (`anyOf`, `oneOf`, `if`) the mistakes of its branches are left out. */
export function issuesOf(errors: readonly ErrorObject[], input: unknown): z.core.$ZodRawIssue[] {
  const choices = errors.filter(({ keyword }) => ['anyOf', 'oneOf', 'if'].includes(keyword))
  return errors
    .filter((error) => !choices.some((choice) => choice !== error && isInside(error, choice)))
    .map((error) => issueOf(error, input))
}

/** Schemas of branches are below the choice, or anywhere where the branch is a `$ref`: those are left. */
function isInside({ schemaPath, instancePath }: ErrorObject, choice: ErrorObject): boolean {
  const base = choice.keyword === 'if' ? choice.schemaPath.replace(/if$/, 'if/') : `${choice.schemaPath}/`
  return schemaPath.startsWith(base) && instancePath.startsWith(choice.instancePath)
}

function issueOf(error: ErrorObject, input: unknown): z.core.$ZodRawIssue {
  const { keyword, params, data } = error
  const path = pathOf(error.instancePath, input)
  const missing: unknown = params['missingProperty']
  if (typeof missing === 'string' && keyword === 'required') {
    return { code: 'custom', path: [...path, missing], message: 'is required', input: undefined }
  }
  const unknown: unknown = params['additionalProperty'] ?? params['unevaluatedProperty']
  if (typeof unknown === 'string') {
    return {
      code: 'unrecognized_keys',
      keys: [unknown],
      path,
      input: Object(data),
      message: `Unrecognized key: "${unknown}"`,
    }
  }
  return { code: 'custom', path, message: messageOf(error), input: data }
}

function messageOf({ keyword, params, data, message }: ErrorObject): string {
  if (keyword === 'type') return `Invalid input: expected ${String(params['type'])}, received ${kindOf(data)}`
  if (keyword === 'enum') {
    const allowed: unknown[] = Array.isArray(params['allowedValues']) ? params['allowedValues'] : []
    return `Invalid option: expected one of ${allowed.slice(0, 20).map(show).join('|')}`
  }
  if (keyword === 'const') return `Invalid input: expected ${show(params['allowedValue'])}`
  return message ?? 'Invalid input'
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text
}

/** The members on the way of a JSON Pointer; indexes of arrays are numbers, as in an issue of Zod. */
function pathOf(pointer: string, value: unknown): (string | number)[] {
  const steps = pointer === '' ? [] : pointer.slice(1).split('/')
  let part = value
  return steps.map((step) => {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    const isIndex = Array.isArray(part)
    part = Object(part)[key]
    return isIndex ? Number(key) : key
  })
}
