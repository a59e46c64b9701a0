import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

/** A JSON Schema, as far as tests look into it. */
export interface Schema {
  $ref?: string
  [keyword: string]: unknown
}

interface Media {
  schema?: Schema
  examples?: Record<string, { value: unknown } | { $ref: string }>
}

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

interface Response {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, Media>
}

interface Operation {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Media> }
  /** As in the document, or a reference. */
  responses: Record<string, Response | { $ref: string }>
}

interface Document {
  info: { description: string }
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, { post: Operation }>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    examples: Record<string, { value: unknown }>
  }
}

/** One operation with its place. */
export interface Endpoint {
  method: string
  /** As in the document: `/v1/jobs/{id}`. */
  template: string
  operation: Operation
}

/** An answer of the API, as far as the document describes it. */
export interface DocumentedAnswer {
  status: number
  contentType: string | undefined
  headers: Record<string, unknown>
  body: string
}

/** Headers that belong to the connection or the body: OpenAPI describes them elsewhere, or not at all. */
const transportHeaders = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-type']

/** The OpenAPI document that a running API serves, to compare its answers with. */
export class ApiDocument {
  readonly #document: Document
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false })
  readonly #compiled = new Map<Schema, ValidateFunction>()
  readonly endpoints: Endpoint[]

  static async load(apiUrl: string): Promise<ApiDocument> {
    const response = await fetch(`${apiUrl}/openapi.json`)
    return new ApiDocument((await response.json()) as Document)
  }

  constructor(document: Document) {
    this.#document = document
    formats.default(this.#ajv)
    this.#ajv.addFormat('byte', true)
    this.#ajv.addSchema(document, 'api')
    this.endpoints = Object.entries(document.paths).flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), template, operation })),
    )
  }

  get schemas(): Record<string, Schema> {
    return this.#document.components.schemas
  }

  /** The schema that a `$ref` stands for, or the schema itself. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema
    const target = this.schemas[schema.$ref.slice('#/components/schemas/'.length)]
    if (!target) throw new Error(`${schema.$ref} leads nowhere`)
    return this.resolve(target)
  }

  /** What an operation says of each of its answers. */
  responses(operation: Operation): [status: string, response: Response][] {
    return Object.keys(operation.responses).flatMap((status) => {
      const response = this.response(operation, status)
      return response ? [[status, response]] : []
    })
  }

  /** What an operation says of a status; undefined where it says nothing. */
  response({ responses }: Operation, status: number | string): Response | undefined {
    const response = responses[status]
    if (!response || !('$ref' in response)) return response
    const target = this.#document.components.responses[response.$ref.slice('#/components/responses/'.length)]
    if (!target) throw new Error(`${response.$ref} leads nowhere`)
    return target
  }

  /** The values of the examples of a body. */
  examples({ examples = {} }: Media): unknown[] {
    return Object.values(examples).map((example) => {
      if ('value' in example) return example.value
      const target = this.#document.components.examples[example.$ref.slice('#/components/examples/'.length)]
      if (!target) throw new Error(`${example.$ref} leads nowhere`)
      return target.value
    })
  }

  /** The body of a webhook, and its headers. */
  webhook(name: string): { schema: Schema; parameters: Parameter[] } {
    const { requestBody, parameters = [] } = this.#document.webhooks[name]?.post ?? {}
    const schema = requestBody?.content['application/json']?.schema
    if (!schema) throw new Error(`the document has no webhook ${name}`)
    return { schema, parameters }
  }

  endpoint(method: string, template: string): Endpoint {
    const found = this.endpoints.find((one) => one.method === method && one.template === template)
    if (!found) throw new Error(`the document has no ${method} ${template}`)
    return found
  }

  /** The endpoint that answers a path; undefined where the document has none. */
  match(method: string, path: string): Endpoint | undefined {
    // A slash at the end does not count.
    const plain = path.replace(/(?<=.)\/$/, '')
    // A path without parameters comes before one with.
    const isLiteral = this.endpoints.some(({ template }) => template === plain)
    const isAt = ({ template }: Endpoint) =>
      isLiteral ? template === plain : new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]*')}$`).test(plain)
    return this.endpoints.find((one) => one.method === method && isAt(one))
  }

  /** The methods that a path allows: those of its endpoints, HEAD with GET, and OPTIONS. Empty where the document has no such path. */
  allowed(path: string): string[] {
    const methods = this.endpoints.map(({ method }) => method).filter((method) => this.match(method, path))
    if (methods.length === 0) return []
    return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].sort()
  }

  /** What is wrong with a value, in words; undefined when the schema takes it. */
  mistake(schema: Schema, value: unknown): string | undefined {
    let validate = this.#compiled.get(schema)
    if (!validate) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')
      validate = this.#ajv.compile(JSON.parse(text))
      this.#compiled.set(schema, validate)
    }
    return validate(value) ? undefined : this.#ajv.errorsText(validate.errors)
  }

  /** The headers that any answer may have: the description of the API names them. */
  get #commonHeaders(): string[] {
    return Array.from(this.#document.info.description.matchAll(/`([\w-]+)`/g), ([, name = '']) => name)
  }

  /** What an answer has that its operation does not document, in words; undefined when all is documented. */
  undocumented({ operation }: Endpoint, answer: DocumentedAnswer): string | undefined {
    const response = this.response(operation, answer.status)
    if (!response) return `${operation.operationId} does not document ${answer.status}: ${answer.body.slice(0, 300)}`
    const headers = [...Object.keys(response.headers ?? {}), ...this.#commonHeaders, ...transportHeaders]
    const unknown = Object.keys(answer.headers).filter((name) => !headers.includes(name.toLowerCase()))
    if (unknown.length > 0) return `${operation.operationId} documents no ${unknown.join(', ')} at ${answer.status}`
    if (!response.content) return answer.body === '' ? undefined : `${answer.status} has a body`
    const type = answer.contentType?.split(';', 1)[0]?.trim() ?? 'none'
    const media = response.content[type]
    if (!media) return `${operation.operationId} documents no ${type} at ${answer.status}`
    // No schema describes text, lines or a part.
    if (type.startsWith('text/') || type === 'application/x-ndjson' || answer.status === 206 || !media.schema)
      return undefined
    const body: unknown = JSON.parse(answer.body)
    const { code } = Object(body) as { code?: string }
    if (answer.status >= 400 && !response.description.includes(`\`${code}\``))
      return `${operation.operationId} documents no ${code} at ${answer.status}`
    return this.mistake(media.schema, body)
  }
}
