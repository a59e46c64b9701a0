import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Mistakes } from './mistakes.ts'
import { parseBounded } from './parse-bounded.ts'

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
    // Undeclared headers are allowed. The declared ones are read where they are used: headers that a validator returned Fastify would copy at each look.
    if (!(schema instanceof z.ZodType) || documentedOnlySchemas.has(schema) || httpPart === 'headers') return () => true
    let mayBeEmpty: boolean | undefined
    return (value: unknown) => {
      // As most queries are.
      if (httpPart === 'querystring' && isEmpty(value) && (mayBeEmpty ??= isEmpty(schema.safeParse({}).data)))
        return true
      const mistakes = new Mistakes()
      // Fastify has null where there is no body.
      const given = httpPart === 'body' ? (value ?? undefined) : value
      const parsed = parseBounded(schema, given, mistakes)
      if (parsed) return { value: parsed.data }
      return { error: httpPart === 'body' ? mistakes.toProblem() : mistakes.toParameterProblem() }
    }
  })
  app.setSerializerCompiler(() => JSON.stringify)
}

/** Whether a value is an object without members. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  for (const _ in value) return false
  return true
}
