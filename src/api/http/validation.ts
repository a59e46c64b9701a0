import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { mistakesOf, Problem } from './problem.ts'

const documentedOnlySchemas = new WeakSet<z.ZodType>()

/** Marks a schema that the route checks itself: it appears in the document, and Fastify does not parse it. */
export function documentedOnly<S extends z.ZodType>(schema: S): S {
  documentedOnlySchemas.add(schema)
  return schema
}

/**
 * Fastify's option for an app with {@link validateWithZod}: without it Fastify would load its own compilers (Ajv and others, a
 * megabyte of source) before they are replaced.
 */
export const withoutOwnCompilers = { compilersFactory: { buildValidator: replaced, buildSerializer: replaced } }

function replaced(): never {
  throw new Error('validateWithZod was not called')
}

/**
 * Makes Zod check parameters, queries and bodies. Answers are sent as the routes wrote them: TypeScript has checked their shape, and
 * parsing them again would cost time.
 */
export function validateWithZod(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) => {
    if (!(schema instanceof z.ZodType) || documentedOnlySchemas.has(schema)) return () => true
    return (value: unknown) => {
      // Undeclared headers are allowed. The declared ones are read where they are used.
      if (httpPart === 'headers') return { value }
      const parsed = schema.safeParse(value)
      if (parsed.success) return { value: parsed.data }
      const mistakes = mistakesOf(parsed.error).map((mistake) =>
        httpPart === 'body' ? mistake : { ...mistake, pointer: mistake.pointer.slice(1) },
      )
      const detail = mistakes.map(({ pointer, detail: what }) => `${pointer}: ${what}`).join('; ')
      return { error: new Problem('invalid_request', detail, { mistakes }) }
    }
  })
  app.setSerializerCompiler(() => JSON.stringify)
}
