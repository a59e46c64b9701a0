import { z } from 'zod'
import { escapePointer } from './json-pointer.ts'
import { jsonSchemaOf } from './program/json-schema.ts'
import { secretsInSchema } from './program/schema-secrets.ts'

/**
 * Where a value has secrets: the names of members and indexes of elements on the way to each, `*` for any of them. Stored with the job, so that
 * every process hides the same, whichever version of the job type it knows.
 */
export type SecretPaths = string[][]

/** Where jobs of a type have secrets, as it is stored with each; undefined where they have none, as most. */
export function storedSecrets({
  input,
  output,
}: {
  input: z.ZodType
  output: z.ZodType
}): { input?: SecretPaths; output?: SecretPaths } | undefined {
  const [inInput, inOutput] = [secretPaths(input), secretPaths(output)]
  if (inInput.length === 0 && inOutput.length === 0) return undefined
  return { ...(inInput.length > 0 && { input: inInput }), ...(inOutput.length > 0 && { output: inOutput }) }
}

/** What stands in the place of a secret. */
const mask = '***'
/** Shorter values occur in other text by chance, and are not looked for there. */
const minRedacted = 4

const known = new WeakMap<z.ZodType, SecretPaths>()

/** Where values of a schema have secrets: what is marked with `.meta({ secret: true })`, in a JSON Schema with `"secret": true`. */
export function secretPaths(schema: z.ZodType): SecretPaths {
  const before = known.get(schema)
  if (before) return before
  const json = jsonSchemaOf(schema)
  if (json !== undefined) {
    const inSchema = secretsInSchema(json)
    known.set(schema, inSchema)
    return inSchema
  }
  const found: SecretPaths = []
  const recursions: SecretPaths = []
  const open = new Set<object>()
  const visit = (part: unknown, path: string[]): void => {
    if (typeof part !== 'object' || part === null || !('_zod' in part)) return
    const type = part as z.ZodType
    if (z.globalRegistry.get(type)?.['secret'] === true) found.push(path)
    else if (open.has(type)) recursions.push(path)
    else {
      open.add(type)
      for (const [step, inner] of partsOf(type)) visit(inner, step === undefined ? path : [...path, step])
      open.delete(type)
    }
  }
  visit(schema, [])
  // A schema that contains itself has secrets at any depth: hidden as a whole from the second level on.
  const paths = found.length > 0 ? [...found, ...recursions] : []
  known.set(schema, paths)
  return paths
}

/** The schemas inside a schema, with the step that leads to their values; undefined: the value itself. */
function partsOf(schema: z.ZodType): [step: string | undefined, inner: unknown][] {
  const def = schema._zod.def as unknown as Record<string, unknown>
  const own = ['innerType', 'in', 'out', 'left', 'right'].map((name): [undefined, unknown] => [undefined, def[name]])
  const options = list(def['options']).map((option): [undefined, unknown] => [undefined, option])
  const lazy: [undefined, unknown][] =
    def['type'] === 'lazy' && typeof def['getter'] === 'function' ? [[undefined, def['getter']()]] : []
  const members = Object.entries(Object(def['shape']))
  const items = list(def['items']).map((item, n): [string, unknown] => [String(n), item])
  const anyOf = ['element', 'valueType', 'catchall', 'rest'].map((name): [string, unknown] => ['*', def[name]])
  return [...own, ...options, ...lazy, ...members, ...items, ...anyOf]
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** A copy of a JSON value with `***` for its secrets; the value itself where there are none. */
export function maskSecrets(value: unknown, paths: SecretPaths | undefined): unknown {
  return (paths ?? []).reduce((masked, path) => replaceAt(masked, path, () => mask), value)
}

/** The JSON pointers of secrets whose value is the mask: a client has sent back what it read. */
export function maskedAt(value: unknown, paths: SecretPaths | undefined): string[] {
  const find = (part: unknown, [step, ...rest]: string[], pointer: string): string[] => {
    if (step === undefined) return part === mask ? [pointer] : []
    if (typeof part !== 'object' || part === null) return []
    return Object.entries(part)
      .filter(([key]) => step === '*' || step === key)
      .flatMap(([key, inner]) => find(inner, rest, `${pointer}/${escapePointer(key)}`))
  }
  return [...new Set((paths ?? []).flatMap((path) => find(value, path, '')))]
}

function replaceAt(value: unknown, [step, ...rest]: string[], replace: (secret: unknown) => unknown): unknown {
  if (value === null || value === undefined) return value
  if (step === undefined) return replace(value)
  if (Array.isArray(value)) {
    return value.map((item, n) => (step === '*' || step === String(n) ? replaceAt(item, rest, replace) : item))
  }
  if (typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      step === '*' || step === key ? replaceAt(item, rest, replace) : item,
    ]),
  )
}

/** Replaces secrets of `value` wherever they occur in text, such as an error message that quotes one; undefined where it has none. */
export function redactorOf(value: unknown, paths: SecretPaths): (<T>(data: T) => T) | undefined {
  if (paths.length === 0) return undefined
  const secrets = new Set<string>()
  const collect = (secret: unknown): unknown => {
    if (typeof secret === 'object' && secret !== null) Object.values(secret).forEach(collect)
    else if (String(secret).length >= minRedacted) for (const form of formsOf(String(secret))) secrets.add(form)
    return secret
  }
  for (const path of paths) replaceAt(value, path, collect)
  if (secrets.size === 0) return undefined
  // The longest first: one secret may be a part of another.
  const texts = [...secrets].toSorted((a, b) => b.length - a.length)
  const redact = (data: unknown): unknown => {
    if (typeof data === 'string') return texts.reduce((text, secret) => text.replaceAll(secret, mask), data)
    if (typeof data === 'number' && secrets.has(String(data))) return mask
    if (Array.isArray(data)) return data.map(redact)
    if (typeof data !== 'object' || data === null) return data
    return Object.fromEntries(Object.entries(data).map(([key, item]) => [redact(key), redact(item)]))
  }
  return redact as <T>(data: T) => T
}

/** A text as it is, and as it occurs in JSON and in URLs. */
function formsOf(text: string): string[] {
  return [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text.toWellFormed())]
}
