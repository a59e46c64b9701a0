import { Problem, type ProblemCode, problemDetails, problemSchema } from '../../src/api/http/problem.ts'
import { table } from './table.ts'

/** What a client can do about a problem, where its status does not say enough. */
const advice: Partial<Record<ProblemCode, string>> = {
  cross_site_request: 'call from the origin of the API, or add the page to `CORS_ORIGINS`',
  delivery_not_done: 'wait until it has ended',
  delivery_not_found: 'the delivery has expired, or belongs to another job',
  flow_already_done: 'nothing: the flow has ended',
  flow_not_retryable: 'retry flows that have ended without success only',
  flow_evicted: 'nothing: it has ended; its `Idempotency-Key` runs nothing again',
  forbidden: 'use a key with the scope that the route needs',
  headers_too_large: 'send shorter headers',
  host_not_allowed: 'use a name of the API, or add this one to `ALLOWED_HOSTS`',
  idempotency_key_reused: 'use a new key for a different request',
  job_already_done: 'nothing: the job has ended',
  job_evicted:
    'nothing: it has ended; its `Idempotency-Key` runs nothing again. Read results sooner, or give Redis more memory',
  job_has_no_output: 'read `error` of the job',
  job_not_done: 'wait until the job is done: `Prefer: wait`',
  job_not_retryable: 'retry failed, canceled and expired jobs only; a job of a flow is retried with its flow',
  payload_too_large: 'send less, or raise `BODY_LIMIT_BYTES`',
  queue_full:
    'repeat after `Retry-After` with the same `Idempotency-Key`; the queue is longer than `QUEUE_DEPTH_LIMIT`',
  queue_unavailable:
    'repeat after `Retry-After` with the same `Idempotency-Key`: the first request may have taken effect',
  quota_exceeded: 'repeat after `Retry-After`; the limits are those of your tenant',
  range_not_satisfiable: '`Content-Range` has the size of the output',
  redis_full:
    'repeat after `Retry-After` with the same `Idempotency-Key`; `detail` says what fills Redis, and no result can give way',
  request_timeout: 'send the request faster; repeat it',
  results_reset: 'the flow was retried: read the results from their start',
  route_not_found: 'see `/openapi.json` for the paths',
  method_not_allowed: '`Allow` has the methods of the path',
  precondition_failed: 'read the schedule again, and repeat with its `ETag`',
  schedule_contended: 'repeat it: another request changed the schedule at the same time',
  too_many_hops: 'jobs and webhooks that submit jobs form a loop: break it',
  too_many_members: 'send fewer members, or one text; the limits are settings',
  too_many_resends: 'wait for the earlier ones to end',
  tokens_not_configured: 'the operator of the server sets `TOKEN_SECRETS`',
  too_many_schedules: 'delete schedules that are not needed',
  unauthenticated: 'send `Authorization: Bearer <id>.<secret>` with a valid key',
  unknown_job_type: '`GET /v1/job-types` lists the types',
  unsupported_media_type: 'send `content-type: application/json`, not compressed',
  values_reset: 'the handler started again: read the next list of values from its start',
}

/** … by status. */
const adviceOf: Record<number, string> = {
  400: 'correct the places in `errors`',
  401: 'send a valid key',
  403: 'the request is not allowed',
  404: 'it never existed, has expired, or belongs to another tenant',
  409: 'read what is there, and decide anew',
  410: 'it was removed',
  413: 'send less',
  422: 'send another request',
  429: 'repeat after `Retry-After`',
  500: 'repeat it; the log has the error under the `request-id` of the answer',
  503: 'repeat after `Retry-After`',
}

/** Every problem that a client can get. */
export const problemBlocks = {
  problems: () => {
    const rows = problemSchema.shape.code.options.map((code) => {
      const { status, title } = problemDetails(new Problem(code, ''), '')
      return [`\`${code}\``, String(status), title, advice[code] ?? adviceOf[status] ?? 'read `detail`']
    })
    return table(['code', 'status', 'title', 'what to do'], rows)
  },
}
