import { createRequire } from 'node:module'
import type { AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { inlineReferences } from './inline-references.ts'
import { issuesOf } from './schema-issues.ts'

/** A JSON Schema (2020-12). `true` and `false` are schemas, too. */
export type JsonSchema = AnySchemaObject | boolean

interface JsonSchemaDef extends z.core.$ZodTypeDef {
  type: 'unknown'
  /** All mistakes, or the first one. Fills in defaults: in `value` itself, which is a copy where the schema has any. */
  find: (value: unknown, stopEarly: boolean) => ErrorObject[]
  hasDefaults: boolean
  schema: JsonSchema
}

/** A JSON Schema as Zod's: it validates with Ajv, and reports issues and describes itself as a schema of Zod does. */
const JsonSchemaType = z.core.$constructor<z.ZodType, JsonSchemaDef>('ZodJsonSchema', (inst, def) => {
  z.ZodType.init(inst, def)
  inst._zod.parse = (payload, ctx) => {
    const value = def.hasDefaults ? structuredClone(payload.value) : payload.value
    const errors = def.find(value, Reflect.get(ctx, 'abortEarly') === true)
    payload.value = value
    payload.issues.push(...issuesOf(errors, value))
    return payload
  }
  // A `$ref` of the schema would be read as one of the document that it is put into.
  inst._zod.processJSONSchema = (_ctx, json) => void Object.assign(json, inlineReferences(def.schema))
})

/** Members that document a schema and constrain nothing. `secret` marks what no client may read. */
const annotations = ['secret', 'example']

/**
 * Compiles a JSON Schema (2020-12) once. Formats are checked, `default` fills in what is missing, and a keyword that the standard does not
 * have is a mistake, since it would constrain nothing.
 *
 * @throws Error when it is no valid schema.
 */
export function fromJsonSchema(schema: JsonSchema): z.ZodType {
  const first = compile(schema, false)
  let all: ValidateFunction | undefined
  const hasDefaults = JSON.stringify(schema).includes('"default":')
  return new JsonSchemaType({
    type: 'unknown',
    schema,
    hasDefaults,
    find(value, stopEarly) {
      if (first(value)) return []
      if (stopEarly) return first.errors ?? []
      all ??= compile(schema, true)
      return all(value) ? [] : (all.errors ?? [])
    },
  })
}

/** The JSON Schema that a schema was made from; undefined for one of Zod. */
export const jsonSchemaOf = (type: z.ZodType): JsonSchema | undefined =>
  isJsonSchemaDef(type._zod.def) ? type._zod.def.schema : undefined

const isJsonSchemaDef = (def: z.core.$ZodTypeDef): def is JsonSchemaDef => 'hasDefaults' in def && 'schema' in def

/** Loaded when the first JSON Schema is compiled: most processes have none. `import()` is no way, since definitions are synchronous. */
const require = createRequire(import.meta.url)

function compile(schema: JsonSchema, allErrors: boolean): ValidateFunction {
  const { Ajv2020 } = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  const { default: addFormats } = require('ajv-formats') as typeof import('ajv-formats')
  const ajv = new Ajv2020({
    allErrors,
    verbose: true,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
    validateFormats: true,
  })
  addFormats(ajv)
  ajv.addVocabulary(annotations)
  return ajv.compile(schema)
}
