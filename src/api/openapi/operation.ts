import { createJsonSchemaTransform } from 'fastify-type-provider-zod'
import type { ProblemCode } from '../http/problem.ts'
import { publicProblemResponses } from './responses.ts'
import { isWebhook } from './webhooks.ts'

type ToJsonSchema = ReturnType<typeof createJsonSchemaTransform>

/** A response as routes describe it, and as the document has it. */
interface Response {
  headers?: Record<string, string>
  content?: Record<string, { examples?: unknown }>
}

/** What can be wrong with any request, and with any request that may have a body. */
const anyRequest: ProblemCode[] = ['request_timeout', 'headers_too_large', 'unsupported_media_type']
const withBody: ProblemCode[] = [...anyRequest, 'payload_too_large', 'too_many_members']
const bodyless = ['GET', 'HEAD']

/**
 * Turns the Zod schemas of a route into JSON Schema, adds the problems that any route has, and the headers and examples of responses,
 * which the generator omits.
 */
export function describeOperation(options: Parameters<typeof createJsonSchemaTransform>[0]): ToJsonSchema {
  const toJsonSchema = createJsonSchemaTransform(options ?? {})
  return (input) => {
    const isBodyless = [input.route.method].flat().every((method) => bodyless.includes(method))
    const response: Record<string, Response> = {
      ...(!isWebhook(input.url) && publicProblemResponses(...(isBodyless ? anyRequest : withBody))),
      ...Object(input.schema?.response),
    }
    const output = toJsonSchema({ ...input, schema: input.schema && { ...input.schema, response } })
    const described: Record<string, Response> = Object(Object(output.schema).response)
    for (const [status, { headers, content }] of Object.entries(response)) {
      const target = described[status]
      if (!target) continue
      if (headers) Object.assign(target, { headers: describeHeaders(headers) })
      for (const [type, { examples }] of Object.entries(content ?? {})) {
        const media = target.content?.[type]
        if (media && examples !== undefined) media.examples = examples
      }
    }
    return output
  }
}

function describeHeaders(headers: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { type: 'string', description }]),
  )
}
