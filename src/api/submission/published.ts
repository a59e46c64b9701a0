import type { JobRef } from '../../queue/model/job-id.ts'
import type { SpanAttributes } from '../../tracing/span.ts'

/** How the span of a submission is named, and what it says: see the semantic conventions of messaging. */
export function published(kind: 'job' | 'flow', { queue, id }: JobRef): { name: string; attributes: SpanAttributes } {
  const destination = kind === 'job' ? queue : 'flows'
  return {
    name: `publish ${destination}`,
    attributes: {
      'messaging.system': 'drover',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': destination,
      'messaging.message.id': id,
    },
  }
}
