import type { FastifyRequest } from 'fastify'
import { readTraceparent } from '../../jobs/trace-context.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { RouteDeps } from '../deps.ts'
import { readHops } from './hops.ts'
import type { SubmissionContext } from './parse-job.ts'

/** What parsing the submission of a request needs to know besides the body. @throws Problem `too_many_hops` */
export function submissionContext(
  request: FastifyRequest,
  { registry, config, retention, tracing }: Pick<RouteDeps, 'registry' | 'config' | 'retention' | 'tracing'>,
): SubmissionContext {
  const { caller, headers, id } = request
  if (tracing)
    request.publishing = tracing.start({ name: 'publish', kind: 'producer', parent: request.span?.traceparent })
  return {
    registry,
    now: redisNow(),
    caller,
    traceparent: request.publishing?.traceparent ?? givenTraceparent(headers),
    requestId: id,
    hops: readHops(headers),
    retention,
    indexed: config.INDEXED_METADATA,
    canSign: config.WEBHOOK_SECRETS.length > 0,
  }
}

/** Most requests have none. */
function givenTraceparent({ traceparent }: FastifyRequest['headers']): string | undefined {
  return traceparent === undefined ? undefined : readTraceparent(traceparent)
}
