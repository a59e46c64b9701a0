import { z } from 'zod'
import {
  isOperationDone,
  type OperationAction,
  operationActions,
  operationStates,
  type StoredOperation,
} from '../../queue/operations/operation-record.ts'
import type { Scope } from '../access/keys-file.ts'
import { optionalTimestamp, timestamp } from '../http/timestamp.ts'
import { errorSummaryField, named, timeField } from '../openapi/fields.ts'

export const actionField = named('OperationAction', z.enum(operationActions))

/** The scope that an action requires, as the route for one job does. */
export const scopeOf = (action: OperationAction): Scope => (action === 'retry' ? 'submit' : 'cancel')

/** An operation as clients see it. */
export const operationSchema = named(
  'Operation',
  z.object({
    id: z.string(),
    action: actionField,
    filter: z.record(z.string(), z.string()).describe('As the client sent it'),
    dry_run: z.boolean().describe('It counts, and changes nothing'),
    limit: z.int(),
    state: named('OperationState', z.enum(operationStates)),
    done: z.boolean(),
    progress: named('OperationProgress', z.object({ fraction: z.number(), message: z.string() })),
    matched: z.int().describe('Jobs that match the filter, at most `limit`. Rises while they are looked for'),
    succeeded: z.int().describe('Jobs to which the action was applied'),
    failed: z.int(),
    skipped: z
      .int()
      .describe('Jobs to which the action cannot be applied in their state, or that changed since the operation began'),
    failures: z
      .array(named('OperationFailure', z.object({ job_id: z.string(), code: z.string(), detail: z.string() })))
      .describe('Why jobs failed; of the first 20'),
    waiting_for: z.string().nullable().describe('Why there is no room for the jobs that it retries at the moment'),
    error: errorSummaryField.nullable().describe('Why it ended as `failed`'),
    created_at: timeField,
    started_at: timeField.nullable(),
    finished_at: timeField.nullable(),
    cancel_requested_at: timeField.nullable(),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
  }),
)

export type OperationResource = z.output<typeof operationSchema>

export const operationPath = (id: string): string => `/v1/operations/${id}`

export function operationResource(operation: StoredOperation): OperationResource {
  const { id, action, request, dryRun, limit, state, matched, succeeded, failed, skipped } = operation
  const self = operationPath(id)
  return {
    id,
    action,
    filter: request,
    dry_run: dryRun,
    limit,
    state,
    done: isOperationDone(operation),
    progress: progressOf(operation),
    matched,
    succeeded,
    failed,
    skipped,
    failures: operation.failures.map(({ id: job_id, code, detail }) => ({ job_id, code, detail })),
    waiting_for: operation.waitingFor ?? null,
    error: operation.error ?? null,
    created_at: timestamp(operation.createdAt),
    started_at: optionalTimestamp(operation.startedAt),
    finished_at: optionalTimestamp(operation.finishedAt),
    cancel_requested_at: optionalTimestamp(operation.cancelRequestedAt),
    links: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  }
}

function progressOf(operation: StoredOperation): OperationResource['progress'] {
  const { state, isMatched, matched, dryRun, limit } = operation
  const through = operation.succeeded + operation.failed + operation.skipped
  if (state === 'succeeded') return { fraction: 1, message: dryRun ? `${matched} match` : `${through} of ${matched}` }
  // A long list is made in parts: each is carried out before the next is looked for.
  if (!isMatched && operation.succeeded + operation.failed > 0)
    return { fraction: through / limit, message: `${through} of at least ${matched}` }
  if (!isMatched) return { fraction: 0, message: `looking for jobs: ${matched} match so far` }
  return { fraction: matched === 0 ? 1 : through / matched, message: `${through} of ${matched}` }
}

export const exampleOperation: OperationResource = {
  id: 'op_01k7p3x9v2m4q6r8s0t1w3y5z7',
  action: 'retry',
  filter: { state: 'failed', type: 'resize-image' },
  dry_run: false,
  limit: 100_000,
  state: 'running',
  done: false,
  progress: { fraction: 0.5, message: '106 of 212' },
  matched: 212,
  succeeded: 104,
  failed: 0,
  skipped: 2,
  failures: [],
  waiting_for: null,
  error: null,
  created_at: '2026-12-01T08:00:00.000Z',
  started_at: '2026-12-01T08:00:00.004Z',
  finished_at: null,
  cancel_requested_at: null,
  links: {
    self: '/v1/operations/op_01k7p3x9v2m4q6r8s0t1w3y5z7',
    events: '/v1/operations/op_01k7p3x9v2m4q6r8s0t1w3y5z7/events',
    cancel: '/v1/operations/op_01k7p3x9v2m4q6r8s0t1w3y5z7/cancel',
  },
}
