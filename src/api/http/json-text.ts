/** A Fastify serializer for a body that is JSON text already. */
export const asJsonText = (body: unknown): string => String(body)
