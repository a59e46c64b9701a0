import { z } from 'zod'
import { problemSchema } from '../http/problem.ts'

/** What a schema is called under `components` of the OpenAPI document, and how it is described there. */
type SchemaNotes = {
  id: string
  title?: string
  description?: string
  examples?: unknown[]
}

/** The named schemas of one app: one registry for each app, since job types differ. */
export type SchemaRegistry = ReturnType<typeof createSchemaRegistry>

/** A registry with the schema that all routes share; each route adds its own. */
export function createSchemaRegistry() {
  return z.registry<SchemaNotes>().add(problemSchema, { id: 'Problem', description: 'Problem details (RFC 9457)' })
}
