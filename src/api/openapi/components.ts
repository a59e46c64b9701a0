import { asJson, entries, type Json } from './json-values.ts'
import { pascalCase } from './pascal-case.ts'
import { SharedResponses } from './shared-responses.ts'
import { isWebhook } from './webhooks.ts'

export interface Document {
  paths?: unknown
  components?: { schemas?: Record<string, unknown> }
}

/** Where a schema has the name that its author gave it. */
export const componentKey = 'x-component'

const schemaPrefix = '#/components/schemas/'

/**
 * Gives a name to every object, union and enumeration of a document, and moves it to `components`. Generators of clients make one type
 * of each name; an inline union or a recursive inline schema is left out or not compiled by several of them. Schemas of the same
 * shape share one name: the name that a route gave it, else the name of the first place, as in `JobError` for `error` of `Job`.
 * Problems, which each operation repeats, become shared responses and examples.
 */
export function nameComponents(document: Document): Document {
  const names = new SchemaNames(document.components?.schemas ?? {})
  const shared = new SharedResponses()
  const nameInPath = ([path, operations]: [string, unknown]): [string, Json] => {
    const named = entries(operations).map(([method, operation]) => [
      method,
      shared.take(nameInOperation(asJson(operation), names)),
    ])
    return [path, Object.fromEntries(named)]
  }
  const all = entries(document.paths)
  const ofPaths = all.filter(([path]) => !isWebhook(path)).map(nameInPath)
  // Some generators leave out components that no path refers to, and still refer to them from webhooks.
  names.close()
  const paths = Object.fromEntries([...ofPaths, ...all.filter(([path]) => isWebhook(path)).map(nameInPath)])
  const { schemas } = names
  for (const schema of Object.values(schemas)) addDiscriminator(asJson(schema), schemas)
  return { ...document, paths, components: { ...document.components, ...shared.components, schemas: sorted(schemas) } }
}

/** Names the field by which the variants of a union differ: one that has a single value in each of them. */
function addDiscriminator(schema: Json, schemas: Record<string, unknown>): void {
  const variants: unknown = schema['oneOf']
  if (!Array.isArray(variants)) return
  const references = variants.map((variant) => String(asJson(variant)['$ref']))
  const fields = references.map((reference) =>
    asJson(asJson(schemas[reference.slice(schemaPrefix.length)])['properties']),
  )
  for (const propertyName of Object.keys(fields[0] ?? {})) {
    const values = fields.map((field) => asJson(field[propertyName])['const'])
    const isDifferent = new Set(values).size === values.length && values.every((value) => typeof value === 'string')
    if (!isDifferent) continue
    const mapping = Object.fromEntries(values.map((value, at) => [value, references[at]]))
    schema['discriminator'] = { propertyName, mapping }
  }
}

/** What an operation receives and sends is named after it, as in `SubmitJobBody` and `ListJobsResult`. */
function nameInOperation(operation: Json, names: SchemaNames): Json {
  const { operationId, parameters, requestBody, responses } = operation
  const base = pascalCase(String(operationId))
  const named: Json = { ...operation }
  if (Array.isArray(parameters))
    named['parameters'] = parameters.map((parameter: unknown) => {
      const { name, schema, ...others } = asJson(parameter)
      return { ...others, name, schema: names.refer(schema, base + pascalCase(String(name)), { keepDefault: true }) }
    })
  if (requestBody) named['requestBody'] = nameInMedia(asJson(requestBody), `${base}Body`, names)
  named['responses'] = Object.fromEntries(
    entries(responses).map(([status, response]) => {
      // No schema describes a part.
      const described = status === '206' ? withoutSchema(asJson(response)) : asJson(response)
      return [status, nameInMedia(described, `${base}Result`, names)]
    }),
  )
  return named
}

function withoutSchema(response: Json): Json {
  const content = entries(response['content']).map(([type, media]) => [type, { ...asJson(media), schema: undefined }])
  return { ...response, content: Object.fromEntries(content) }
}

function nameInMedia(holder: Json, name: string, names: SchemaNames): Json {
  if (!holder['content']) return holder
  const content = entries(holder['content']).map(([type, media]) => {
    const { schema, ...others } = asJson(media)
    return [type, schema === undefined ? others : { schema: names.refer(schema, name), ...others }]
  })
  return { ...holder, content: Object.fromEntries(content) }
}

/** The named schemas of a document. */
class SchemaNames {
  readonly schemas: Record<string, unknown> = {}
  readonly #nameByShape = new Map<string, string>()
  #isClosed = false

  /** Takes over the schemas that routes have named. */
  constructor(registered: Record<string, unknown>) {
    for (const name of Object.keys(registered)) this.schemas[name] = undefined
    for (const [name, schema] of Object.entries(registered)) {
      const named = this.#nameInside(asJson(schema), name)
      this.schemas[name] = named
      if (isNamed(named)) this.#nameByShape.set(shapeOf(named), name)
    }
  }

  /** From now on no schema gets a name: one that has none stays at its place. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * Returns what stands for a schema at its place: a reference with the description of the place, or the schema itself where it is plain.
   *
   * @param placeName what the schema is called if nothing of its shape has a name
   */
  refer(schema: unknown, placeName: string, { keepDefault = false } = {}): Json {
    const given = asJson(schema)[componentKey]
    const name = typeof given === 'string' ? given : placeName
    const { description, default: ifAbsent, ...shape } = this.#nameInside(asJson(schema), name)
    // A generated client takes a field with a default for one that is always there, also in what it sends.
    const text = ifAbsent === undefined || keepDefault ? description : withDefault(description, ifAbsent)
    const notes = {
      ...(text !== undefined && { description: text }),
      ...(keepDefault && ifAbsent !== undefined && { default: ifAbsent }),
    }
    const staysHere = this.#isClosed && !this.#nameByShape.has(shapeOf(shape))
    if (!isNamed(shape) || staysHere) return { ...shape, ...notes }
    const isGiven = given !== undefined && !this.#isClosed
    return { $ref: schemaPrefix + this.#nameOf(shape, name, isGiven), ...notes }
  }

  /** @param isGiven the name was chosen: a shape may have several such names */
  #nameOf(shape: Json, wanted: string, isGiven: boolean): string {
    const key = shapeOf(shape)
    const known = isGiven ? undefined : this.#nameByShape.get(key)
    if (known !== undefined) return known
    let name = wanted
    for (let n = 2; name in this.schemas; n += 1) {
      if (isGiven && shapeOf(asJson(this.schemas[name])) === key) return name
      name = `${wanted}${n}`
    }
    if (!this.#nameByShape.has(key)) this.#nameByShape.set(key, name)
    this.schemas[name] = shape
    return name
  }

  /** Names what is inside a schema. */
  #nameInside(schema: Json, name: string): Json {
    const named: Json = { ...schema }
    delete named[componentKey]
    // Whatever is a key of a map is a string.
    if (Object.keys(asJson(schema['propertyNames'])).join() === 'type') delete named['propertyNames']
    if (schema['properties'])
      named['properties'] = Object.fromEntries(
        entries(schema['properties']).map(([key, inner]) => [key, this.refer(inner, name + pascalCase(key))]),
      )
    for (const keyword of ['items', 'additionalProperties'])
      if (typeof schema[keyword] === 'object')
        named[keyword] = this.refer(schema[keyword], `${name}${itemSuffix(name)}`)
    for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
      const variants: unknown = schema[keyword]
      if (!Array.isArray(variants)) continue
      const some = variants.filter((variant) => !isNull(variant))
      const inner = some.map((variant: unknown, at) =>
        this.refer(variant, some.length === 1 ? name : `${name}${at + 1}`),
      )
      delete named[keyword]
      Object.assign(named, some.length < variants.length ? nullable(keyword, inner) : { [keyword]: inner })
    }
    return named
  }
}

/** A value of one of `variants`, or null. */
function nullable(keyword: string, variants: Json[]): Json {
  const [only] = variants
  if (variants.length === 1 && only && typeof only['type'] === 'string')
    return { ...only, type: [only['type'], 'null'] }
  return { [keyword]: [...variants, { type: 'null' }] }
}

function isNull(schema: unknown): boolean {
  return asJson(schema)['type'] === 'null'
}

/** Whether a schema gets a name of its own: an object with fields, a union, an enumeration. */
function isNamed(schema: Json): boolean {
  const variants = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => schema[keyword] ?? [])
  const values: unknown = schema['enum']
  return (
    schema['properties'] !== undefined ||
    variants.filter((variant) => !isNull(variant)).length > 1 ||
    (Array.isArray(values) && values.length > 1)
  )
}

function shapeOf({ description: _description, examples: _examples, title: _title, ...shape }: Json): string {
  return JSON.stringify(shape)
}

function itemSuffix(name: string): string {
  return name.endsWith('Items') ? '' : 'Item'
}

function withDefault(description: unknown, value: unknown): string {
  const start = typeof description === 'string' ? `${description}. ` : ''
  return `${start}Default: \`${JSON.stringify(value)}\``
}

function sorted(schemas: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
}
