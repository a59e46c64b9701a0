import type { FastifyRequest } from 'fastify'
import { readTraceparent } from '../../jobs/trace-context.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { RouteDeps } from '../deps.ts'
import { readHops } from './hops.ts'
import type { SubmissionContext } from './parse-job.ts'

/** What parsing the submission of a request needs to know besides the body. @throws Problem `too_many_hops` */
export function submissionContext(
  { caller, headers, id }: FastifyRequest,
  { registry, config, retention }: Pick<RouteDeps, 'registry' | 'config' | 'retention'>,
): SubmissionContext {
  return {
    registry,
    now: redisNow(),
    caller,
    // Most requests have none.
    traceparent: headers['traceparent'] === undefined ? undefined : readTraceparent(headers['traceparent']),
    requestId: id,
    hops: readHops(headers),
    retention,
    indexed: config.INDEXED_METADATA,
    canSign: config.WEBHOOK_SECRETS.length > 0,
  }
}
