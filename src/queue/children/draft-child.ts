import { type ChildCall, childOptionsSchema } from '../../jobs/child-job.ts'
import { cutText } from '../../jobs/cut-text.ts'
import type { Job } from '../../jobs/define-job.ts'
import { pointerTo } from '../../jobs/json-pointer.ts'
import { parseBoundedValue } from '../../jobs/parse-value.ts'
import type { Registry } from '../../jobs/registry.ts'
import { hasScheduling, schedulingOfType } from '../../jobs/scheduling-of-type.ts'
import { storedSecrets } from '../../jobs/secrets.ts'
import { newJobRef } from '../model/job-id.ts'
import { timeLimits } from '../model/job-record.ts'
import type { NewJob } from '../model/new-job.ts'
import { flowScheduling } from '../model/scheduling.ts'
import { type Parent, rootOf } from './parent.ts'

type Options = ReturnType<typeof childOptionsSchema.parse>

/** Why children are refused: the code of the API's problem. */
export interface ChildRefusal {
  code: string
  message: string
  retryable: boolean
}

const invalid = (message: string): ChildRefusal => ({ code: 'invalid_request', message, retryable: false })

/**
 * Checks a job that a handler submits, as a submission is checked, and returns what to store of it, with the tenant, trace and deadline of its parent.
 * As in flows, a key of its type never refuses it, and `unique` and `debounce` of its type do not hold.
 *
 * @param about `now` in epoch ms; `isLimited`: its tenant may have a limited number of waiting jobs
 */
export function draftChild(
  { registry, now, isLimited }: { registry: Registry; now: number; isLimited: boolean },
  parent: Parent,
  { type, input, options: given }: ChildCall,
): { job: NewJob } | { refusal: ChildRefusal } {
  const loaded = registry.get(type)
  if (!loaded) {
    const message = `there is no job type "${cutText(type, 100)}"`
    return { refusal: { code: 'unknown_job_type', message, retryable: false } }
  }
  const options = childOptionsSchema.safeParse(given)
  if (!options.success) return { refusal: invalid(`${type}: ${firstIssue('/options', options.error.issues)}`) }
  const parsed = parseBoundedValue(loaded.job.input, input)
  if (!parsed.success) return { refusal: invalid(`${type}: ${firstIssue('/input', parsed.error.issues)}`) }
  const scheduling = scheduled(loaded.job, options.data, parsed.data)
  if ('error' in scheduling) return { refusal: invalid(`${type}: ${scheduling.error}`) }
  return { job: newChild(loaded.job, { parent, input, options: options.data, scheduling, now, isLimited }) }
}

function firstIssue(base: string, issues: readonly { path: PropertyKey[]; message: string }[]): string {
  const [issue] = issues
  return `${pointerTo(base, issue?.path ?? [])}: ${issue?.message ?? 'invalid'}`
}

type Scheduling = Pick<NewJob['record'], 'concurrency' | 'rate' | 'fairnessKey'>

/** What the handler gives, else what the type says for the input. */
function scheduled(job: Job, options: Options, input: unknown): Scheduling | { error: string } {
  const { concurrency, rate, fairnessKey } = options
  const given: Scheduling = {
    ...(concurrency && { concurrency: { key: concurrency.key, limit: concurrency.limit ?? 1 } }),
    ...(rate && { rate: { ...rate, burst: rate.burst ?? 1 } }),
    ...(fairnessKey !== undefined && { fairnessKey }),
  }
  if (!hasScheduling(job)) return given
  try {
    const ofType = flowScheduling(schedulingOfType(job, input))
    if ('error' in ofType) return { error: `its job type makes no usable scheduling key of it: ${ofType.error}` }
    return { ...stored(ofType.scheduling), ...given }
  } catch (error) {
    return { error: `its job type makes no scheduling key of it: ${error instanceof Error ? error.message : 'threw'}` }
  }
}

function stored({ concurrency, rate, fairnessKey }: Scheduling): Scheduling {
  return {
    ...(concurrency && { concurrency: { key: concurrency.key, limit: concurrency.limit } }),
    ...(rate && { rate }),
    ...(fairnessKey !== undefined && { fairnessKey }),
  }
}

function newChild(
  job: Job,
  about: { parent: Parent; input: unknown; options: Options; scheduling: Scheduling; now: number; isLimited: boolean },
): NewJob {
  const { parent, input, options, scheduling, now, isLimited } = about
  const { ref, run, record: above, traceparent } = parent
  const { backoff, timeoutMs, delayMs = 0, startWithinMs, tags, metadata, priority = above.priority } = options
  const { id: root, depth } = rootOf(parent)
  const { tenant, weight, maxRunning, requestId, hops } = above
  const secrets = storedSecrets(job)
  const runAt = now + delayMs
  const deadlineMs = earliest(options.deadlineMs, (timeLimits(above).deadlineAt ?? Infinity) - runAt)
  const hasLimits = startWithinMs !== undefined || deadlineMs !== undefined
  const keepMs = job.keepResultMs
  return {
    ref: newJobRef(job.queue, now),
    type: job.type,
    attempts: options.attempts ?? job.attempts,
    createdAt: now,
    runAt: delayMs > 0 ? runAt : undefined,
    flow: { id: ref.id, run, isBlocked: false },
    record: {
      tenant,
      ...(isLimited && { limited: true as const }),
      ...(job.version !== undefined && { typeVersion: job.version }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(backoff && { backoff: { ...backoff, jitter: backoff.jitter ?? 0 } }),
      ...(startWithinMs !== undefined && { startWithinMs }),
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(hasLimits && { countsFrom: runAt }),
      ...(keepMs !== undefined && { keepMs }),
      ...(priority !== undefined && { priority }),
      ...(weight !== undefined && { weight }),
      ...(maxRunning !== undefined && { maxRunning }),
      ...scheduling,
      ...(tags && { tags }),
      ...(metadata && { metadata }),
      ...(traceparent !== undefined && { traceparent }),
      ...(requestId !== undefined && { requestId }),
      ...(secrets && { secrets }),
      ...(hops !== undefined && { hops }),
      parent: { id: ref.id, root, depth: depth + 1 },
      input,
    },
  }
}

/** At least 1 ms: the parent may be at its deadline. */
function earliest(own: number | undefined, ofParent: number): number | undefined {
  const limit = Math.min(own ?? Infinity, ofParent)
  return limit === Infinity ? undefined : Math.max(1, limit)
}
