import { z } from 'zod'
import { flowBounds } from '../../queue/flows/model/document.ts'
import { named } from '../openapi/fields.ts'
import type { SchemaRegistry } from '../openapi/schema-registry.ts'
import { durationMs, jobOptions, sharedOptions } from '../submission/job-options.ts'
import { webhookField } from '../submission/webhook-field.ts'

export const onFailureField = named('OnFailure', z.enum(['fail_fast', 'continue']))
  .optional()
  .describe('What happens to the others when one does not succeed. Default: `fail_fast`, they are canceled')

export const mapOptions = z.strictObject({
  over: z.unknown(),
  node: z.unknown(),
  limit: z.int().min(1).max(flowBounds.mapped).optional(),
  on_failure: onFailureField,
})

/** The body of a submission, with any tree. */
export const flowEnvelope = z.strictObject({
  flow: z.unknown(),
  deadline_ms: durationMs.optional().describe('The time limit of the whole flow, from its creation or its retry'),
  ...sharedOptions,
  webhook: webhookField.optional(),
})

const examples = [
  {
    flow: {
      chain: [
        { gather: [100, 1000].map((limit) => ({ type: 'count-primes', input: { limit } })) },
        { type: 'count-primes', input: { limit: { $output: '/1/largest' } } },
      ],
    },
    tags: ['nightly'],
  },
]

/** The body of `POST /v1/flows`, for the document; parse-flow.ts checks it. */
export function submittedFlowSchema(schemas: SchemaRegistry): z.ZodType {
  const job = named('FlowJob', z.strictObject({ type: z.string(), input: z.unknown(), ...jobOptions }))
  const node: z.ZodType = z.lazy(() => z.xor([job, chain, gather, map]))
  const chain = named('FlowChain', z.strictObject({ chain: z.array(node).min(1) })).describe(
    'Nodes that run one after the other',
  )
  const gather = named(
    'FlowGather',
    z.strictObject({ gather: z.array(node).min(1), on_failure: onFailureField }),
  ).describe('Nodes that run side by side')
  const options = mapOptions.extend({ node, over: z.unknown().describe('`{ "$output": pointer }`') })
  const map = named('FlowMap', z.strictObject({ map: named('FlowMapOptions', options) })).describe(
    'Runs the node once for each element of an array, side by side. `{ "$item": pointer }` stands for a part of the element',
  )
  schemas.add(node, { id: 'FlowNode', description: 'A job, or nodes that run one after the other or side by side' })
  return flowEnvelope.extend({ flow: node }).meta({ component: 'FlowSubmission', examples })
}
