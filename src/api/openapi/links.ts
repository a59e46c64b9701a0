type Json = Record<string, unknown>

/** What can be done with a resource that an operation has answered with: operations whose path has its `id`. */
const nextSteps: Record<string, readonly string[]> = {
  Job: ['readJob', 'streamJobEvents', 'readJobOutput', 'cancelJob', 'retryJob', 'deleteJob'],
  Flow: ['readFlow', 'streamFlowEvents', 'readFlowResults', 'cancelFlow', 'retryFlow', 'deleteFlow'],
  Schedule: ['readSchedule', 'deleteSchedule'],
}

/** The methods whose answers are the begin of something. */
const writes = new Set(['post', 'put'])

/** Adds to each answer of a write the links (https://spec.openapis.org/oas/v3.1.1#link-object) to what follows. */
export function linkNextSteps(document: { paths?: unknown; components?: object }): typeof document {
  const links = Object.fromEntries(
    Object.values(nextSteps)
      .flat()
      .map((operationId) => [operationId, { operationId, parameters: { id: '$response.body#/id' } }]),
  )
  for (const operations of Object.values(Object(document.paths) as Json))
    for (const [method, operation] of Object.entries(Object(operations) as Json)) {
      if (!writes.has(method)) continue
      for (const response of Object.values(Object(Object(operation).responses) as Json)) {
        const steps = nextSteps[resourceOf(response)]
        if (!steps) continue
        const references = steps.map((id) => [id, { $ref: `#/components/links/${id}` }])
        Object.assign(Object(response), { links: Object.fromEntries(references) })
      }
    }
  return { ...document, components: { ...document.components, links } }
}

/** The name of the schema of a successful answer; empty where it has none. */
function resourceOf(response: unknown): string {
  const reference: unknown = Object(Object(Object(Object(response).content)['application/json']).schema).$ref
  return typeof reference === 'string' ? reference.replace('#/components/schemas/', '') : ''
}
