import type { Logger } from 'pino'
import { cancelGraceMs } from '../../jobs/cancel-grace.ts'
import {
  type ChildrenAsk,
  type ChildrenPort,
  type ChildrenReply,
  childLimits,
  childrenField,
} from '../../jobs/child-job.ts'
import type { Registry } from '../../jobs/registry.ts'
import { type Admission, describeRefusal, type Refusal } from '../admission/admission.ts'
import type { TenantLimit, TenantLimits } from '../admission/tenant-limits.ts'
import { parseJobId } from '../model/job-id.ts'
import type { NewJob } from '../model/new-job.ts'
import { redisNow } from '../model/redis-time.ts'
import { QueueUnavailableError, type Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { JobControl } from '../store/cancel-and-retry.ts'
import type { JobQueue } from '../store/job-queue.ts'
import { type ChildEnd, ChildResults, maxResultBytes } from './child-results.ts'
import { ChildrenStore, type NotedCall, type NotedChild } from './children-store.ts'
import { type ChildRefusal, draftChild } from './draft-child.ts'
import { type Parent, rootOf } from './parent.ts'

interface SubmitDeps {
  store: ChildrenStore
  results: ChildResults
  jobs: JobQueue
  registry: Registry
  control: JobControl
  door: { admission: Admission; limits: TenantLimits }
  log: Logger
}

/** A call, what is noted of it, and its job as it would be stored. */
interface Child {
  call: NotedCall
  noted: NotedChild
  job: NewJob
}

const refused = ({ code, message, retryable }: ChildRefusal): ChildrenReply => ({
  status: 'refused',
  code,
  message,
  retryable,
})
const lost: ChildRefusal = {
  code: 'lease_lost',
  message: 'this worker has lost its lease on the job, or the job was canceled',
  retryable: true,
}
const tooDeep: ChildRefusal = {
  code: 'too_deep',
  message: `jobs that submit jobs may be ${childLimits.depth} deep below the first`,
  retryable: false,
}
const tooMany: ChildRefusal = {
  code: 'too_many_children',
  message: `there may be ${childLimits.descendants} jobs below the first`,
  retryable: false,
}
const tooLarge: ChildRefusal = {
  code: 'results_too_large',
  message: `the outputs of the children have more than ${maxResultBytes} bytes of JSON`,
  retryable: false,
}
const unavailable: ChildRefusal = {
  code: 'queue_unavailable',
  message: 'Redis did not store the jobs, or not all of them',
  retryable: true,
}

/** Submits jobs for the handlers of others: each once, however often a handler is started. See docs/adr/0069-children-of-jobs.md. */
export class ChildSubmitter {
  readonly #deps: SubmitDeps

  constructor(deps: Omit<SubmitDeps, 'store' | 'results'> & { redis: Redis; keys: Keys }) {
    this.#deps = { ...deps, store: new ChildrenStore(deps), results: new ChildResults(deps) }
  }

  /** What the handler of one start asks. */
  portOf(parent: Parent): ChildrenPort {
    let isListed: Promise<void> | undefined
    let asks = 0
    return async (ask) => {
      try {
        isListed ??= this.#deps.store.list({ id: parent.ref.id, run: parent.run })
        await isListed
        return await this.#submit(parent, ask, childrenField(parent.starts, ++asks))
      } catch (error) {
        if (!(error instanceof QueueUnavailableError)) throw error
        isListed = undefined
        return refused(unavailable)
      }
    }
  }

  async #submit(parent: Parent, ask: ChildrenAsk, field: string): Promise<ChildrenReply> {
    if (rootOf(parent).depth >= childLimits.depth) return refused(tooDeep)
    const limit = await this.#deps.door.limits.of(parent.record.tenant)
    const jobs: NewJob[] = []
    const about = { registry: this.#deps.registry, now: redisNow(), isLimited: limit.jobs !== undefined }
    for (const call of ask.calls) {
      const drafted = draftChild(about, parent, call)
      if ('refusal' in drafted) return refused(drafted.refusal)
      jobs.push(drafted.job)
    }
    const found = await this.#note(parent, ask, jobs, field)
    if ('refusal' in found) return refused(found.refusal)
    const { children, ends, own } = found
    const unstored = children.filter(({ noted }) => noted.isNew || ends.get(noted.ref.id) === undefined)
    const refusal = await this.#store(parent, unstored, { own, limit })
    if (refusal) return refused(refusal)
    return this.#reply(parent, ask, { children, ends, field })
  }

  /** Notes the calls, and reads what became of those that earlier starts have submitted. */
  async #note(
    parent: Parent,
    { calls, waitFor }: ChildrenAsk,
    jobs: NewJob[],
    field: string,
  ): Promise<{ children: Child[]; ends: Map<string, ChildEnd>; own: number } | { refusal: ChildRefusal }> {
    const { store } = this.#deps
    const wait = (also: string[]) =>
      waitFor === 'nothing' ? undefined : { field, failFast: waitFor === 'first_failure', also }
    const noteCalls = jobs.map(({ ref }, at): NotedCall => ({ n: calls[at]?.n ?? 0, id: ref.id }))
    let note = await store.note(parent, noteCalls, wait([]))
    if (typeof note === 'string') return { refusal: note === 'full' ? tooMany : lost }
    const known = note.noted.filter(({ isNew }) => !isNew)
    const ends = await this.#deps.results.ends(known.map(({ ref }) => ref))
    if (known.length > 0) {
      // What did not succeed in an earlier attempt is tried anew.
      const before = note.noted
      const again = noteCalls.map((call, at): NotedCall => {
        const { ref, attempt, isNew } = before[at] ?? { ref: call, attempt: 0, isNew: true }
        const job = ends.get(ref.id)
        const isOver = !isNew && job !== undefined && 'code' in job && attempt < parent.attempt
        return { n: call.n, id: call.id, replaces: isOver ? ref.id : undefined }
      })
      const open = before.filter(({ ref, isNew }) => isNew || !hasEnded(ends.get(ref.id)))
      const isReplaced = again.some(({ replaces }) => replaces !== undefined)
      if (isReplaced || (wait([]) && open.length > 0)) {
        note = await store.note(parent, again, wait(open.map(({ ref }) => ref.id)))
        if (typeof note === 'string') return { refusal: note === 'full' ? tooMany : lost }
        // Noted as new by either call.
        note.noted.forEach((one, at) => (one.isNew ||= before[at]?.isNew ?? true))
      }
    }
    const { noted, own } = note
    const children = noted.flatMap((one, at): Child[] => {
      const job = jobs[at]
      return job ? [{ call: { n: calls[at]?.n ?? 0, id: one.ref.id }, noted: one, job: { ...job, ref: one.ref } }] : []
    })
    return { children, ends, own }
  }

  /** Stores jobs that are noted, or takes back what is noted of them. */
  async #store(
    parent: Parent,
    unstored: Child[],
    { own, limit }: { own: number; limit: TenantLimit },
  ): Promise<ChildRefusal | undefined> {
    if (unstored.length === 0) return undefined
    const { store, jobs, door } = this.#deps
    const refs = unstored.map(({ job }) => job.ref)
    const { tenant } = parent.record
    const bytes = unstored.reduce((sum, { job }) => sum + JSON.stringify(job.record.input).length, 0)
    const entrants = { tenant, limit: limit.jobs, maxBytes: limit.bytes, refs, bytes }
    const refusal = (await this.#count(parent, own)) ?? (await door.admission.admit(entrants))
    if (refusal) {
      await store.withdraw(
        parent,
        unstored.map(({ call }) => call),
      )
      return 'code' in refusal ? refusal : describeDoor(refusal)
    }
    await jobs.addMany(unstored.map(({ job }) => job))
    // An end of the parent that came between has not reached them.
    if (await store.isOpen(parent.ref)) return undefined
    await this.#cancel(unstored)
    return lost
  }

  async #count(parent: Parent, own: number): Promise<ChildRefusal | undefined> {
    const { id, depth } = rootOf(parent)
    const root = parseJobId(id)
    if (depth === 0 || !root) return undefined
    const counted = await this.#deps.store.count(root, parent.ref.id, own)
    if (counted === 'over') return { ...lost, message: 'the first job above this one has ended' }
    return counted === 'full' ? tooMany : undefined
  }

  async #cancel(children: Child[]): Promise<void> {
    const { control, registry, log } = this.#deps
    log.info({ jobs: children.length }, 'canceling jobs that were submitted for a job that has ended meanwhile')
    for (const { job } of children) await control.cancel(job.ref, cancelGraceMs(registry, job.type), redisNow())
  }

  async #reply(
    parent: Parent,
    { waitFor }: ChildrenAsk,
    { children, ends, field }: { children: Child[]; ends: Map<string, ChildEnd>; field: string },
  ): Promise<ChildrenReply> {
    const found = children.map(({ noted: { ref, isNew } }) => ({
      id: ref.id,
      end: isNew ? undefined : ends.get(ref.id),
    }))
    const hasFailed = found.some(({ end }) => end !== undefined && 'code' in end)
    const isReady = found.every(({ end }) => hasEnded(end)) || (hasFailed && waitFor === 'first_failure')
    if (waitFor === 'nothing')
      return { status: 'ready', results: found.map(({ id }) => ({ id, status: 'open' as const })) }
    if (!isReady) {
      // The end of one that was noted by an earlier start may have come before it was awaited here.
      if (found.some(({ end }) => end !== undefined)) await this.#deps.store.hint(parent.ref.id)
      return { status: 'open', field }
    }
    const results = await this.#deps.results.read(found)
    return results ? { status: 'ready', results } : refused(tooLarge)
  }
}

const hasEnded = (end: ChildEnd | undefined): boolean => end !== undefined && end.state !== 'open'

function describeDoor(refusal: Refusal): ChildRefusal {
  const codes = { depth: 'queue_full', memory: 'redis_full', quota: 'quota_exceeded' } as const
  return { code: codes[refusal.reason], message: describeRefusal(refusal), retryable: true }
}
