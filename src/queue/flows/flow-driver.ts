import PQueue from 'p-queue'
import type { Logger } from 'pino'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import { QueueUnavailableError } from '../redis/connection.ts'
import { type AdvanceDeps, advanceFlow } from './advance.ts'
import { failFlow } from './finish-flow.ts'
import { type CachedFlow, FlowCache } from './flow-cache.ts'
import type { FlowHints } from './hints.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { type JobNode, withReleasers, withSuccessors } from './model/plan.ts'
import type { OpenEntry } from './open-flow-list.ts'

/** How many flows are driven at once because of hints. */
const maxAtOnce = 20
/** All running jobs of a flow are checked this often, since hints may be lost. */
const checkEveryMs = 5000
/** A flow with at least so many jobs under way collects its hints for so long, as does one in which nothing waits for the coordinator. */
const collect = { fromJobs: 50, ms: 15 }
/** A run on the list without a flow is one that was never stored, once it is this old. */
const unstoredMs = 60_000
/** After so many failed tries in a row a flow is stopped; if it cannot even be stopped, it is failed after twice as many. */
const maxTries = 5

/**
 * Drives open flows, each by one step at a time: the jobs that hints name as soon as there is room for another flow, and all jobs when
 * the coordinator asks for a check. No method rejects: the next check does what failed.
 */
export class FlowDriver {
  readonly #deps: AdvanceDeps & { hints: FlowHints; log: Logger }
  readonly #cache: FlowCache
  readonly #steps = new PQueue({ concurrency: maxAtOnce })
  /** Flows whose hints wait for room in {@link #steps}. */
  readonly #waiting = new Set<string>()
  /** Flows whose hints are being collected. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  /** How often in a row driving a flow has failed, by flow. */
  readonly #failures = new Map<string, number>()
  /** Flows that are being driven. */
  readonly #driving = new Set<string>()
  #isOpen = false

  constructor(deps: AdvanceDeps & { hints: FlowHints; log: Logger }) {
    this.#deps = deps
    this.#cache = new FlowCache(deps.store)
  }

  /** Drives flows from now on. */
  open(): void {
    // A step that was running at the last close may have cached a flow since.
    this.#cache.clear()
    this.#isOpen = true
  }

  /** Begins no more steps. Those that run end by themselves: see {@link idle}. */
  close(): void {
    this.#isOpen = false
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#steps.clear()
    this.#waiting.clear()
    this.#failures.clear()
    this.#cache.clear()
  }

  /** Resolves when no step runs that a hint began. */
  idle(): Promise<void> {
    return this.#steps.onIdle()
  }

  /** A job of a flow may have ended, or the flow itself may have changed. */
  hint(flow: string, job: string | undefined, isUrgent: boolean): void {
    if (!this.#isOpen) return
    this.#deps.hints.add(flow, job, isUrgent)
    this.#schedule(flow)
  }

  /** Hints may have been missed: all flows are due for a check. */
  expireChecks(): void {
    this.#cache.expireChecks()
  }

  /**
   * Checks a flow of the list, if it is due: at most `maxJobs` of its running jobs, the rest in the next checks.
   *
   * @returns how much work it was, in jobs
   */
  async check(entry: OpenEntry, maxJobs: number): Promise<number> {
    if (this.#driving.has(entry.id)) return 0
    return this.#drive(entry.id, () => this.#check(entry, maxJobs))
  }

  async #check(entry: OpenEntry, maxJobs: number): Promise<number> {
    const { id } = entry
    const { store } = this.#deps
    const cached = this.#cache.peek(id)
    if (cached && monotonicMs() - cached.checkedAt < checkEveryMs && !isLate(cached.loaded)) {
      if (!cached.loaded.isHeldDue(performance.now())) return 0
      await this.#advance(id, cached.loaded, [])
      return 1
    }
    const flow = await this.#cache.getCurrent(id)
    if (!flow || flow.loaded.flow.run !== entry.run) {
      // This run is over, or was never stored, or is about to be stored.
      const isOver = flow !== undefined && flow.loaded.flow.run > entry.run
      if (isOver || redisNow() - entry.since > unstoredMs) await store.openList.remove(id, entry.run)
      return 1
    }
    if (isLate(flow.loaded)) {
      await store.stop(id, 'deadline_exceeded', redisNow())
      this.#cache.delete(id)
      return 1 + (await this.#check(entry, maxJobs))
    }
    const jobs = nextToCheck(flow, maxJobs)
    await this.#advance(id, flow.loaded, jobs)
    return 1 + jobs.length
  }

  #schedule(flow: string): void {
    if (this.#driving.has(flow) || this.#waiting.has(flow)) return
    const cached = this.#cache.peek(flow)
    const hasMany = cached !== undefined && cached.loaded.underWayCount >= collect.fromJobs
    if (this.#deps.hints.isUrgent(flow) && !hasMany) return this.#enqueue(flow)
    if (this.#timers.has(flow)) return
    const timer = setTimeout(() => this.#enqueue(flow), collect.ms)
    this.#timers.set(flow, timer)
  }

  #enqueue(flow: string): void {
    clearTimeout(this.#timers.get(flow))
    this.#timers.delete(flow)
    this.#waiting.add(flow)
    void this.#steps.add(async () => {
      this.#waiting.delete(flow)
      // A check of the flow takes its hints up when it is done.
      if (!this.#driving.has(flow)) await this.#drive(flow, () => this.#followHints(flow))
    })
  }

  async #followHints(flow: string): Promise<number> {
    const hinted = this.#deps.hints.take(flow)
    if (!hinted) return 0
    const cached = await (hinted.isWhole ? this.#cache.read(flow) : this.#cache.get(flow))
    if (!cached) return 0
    const ids = new FlowJobIds(flow)
    const jobs: JobNode[] = []
    for (const job of hinted.jobs) {
      const node = cached.loaded.plan.node(ids.node(job) ?? -1)
      if (node?.kind === 'job') jobs.push(node)
    }
    const { evaluation } = cached.loaded
    // The hint of an earlier step may be lost. Where a worker has released the next one, that is looked at, too, and needs no release.
    const known = hinted.isUrgent ? jobs : withSuccessors(jobs, 1)
    const toCheck = withReleasers(known, (node) => !evaluation.endOf(node))
    await this.#advance(flow, cached.loaded, [...toCheck])
    return toCheck.size
  }

  /** Runs a step of a flow. Two steps at once would evaluate the same ends twice. */
  async #drive(flow: string, step: () => Promise<number>): Promise<number> {
    this.#driving.add(flow)
    try {
      const work = await step()
      this.#failures.delete(flow)
      return work
    } catch (error) {
      this.#cache.delete(flow)
      await this.#onFailure(flow, error)
      return 1
    } finally {
      this.#driving.delete(flow)
      if (this.#isOpen && this.#deps.hints.has(flow)) this.#schedule(flow)
    }
  }

  /** A flow that fails for another reason than Redis ends in a bounded number of tries: those behind it need the coordinator, too. */
  async #onFailure(flow: string, error: unknown): Promise<void> {
    const { store, log } = this.#deps
    if (error instanceof QueueUnavailableError) {
      log.debug({ flow, err: error }, 'failed to drive a flow; the next check retries')
      return
    }
    const failures = (this.#failures.get(flow) ?? 0) + 1
    this.#failures.set(flow, failures)
    if (failures === 1) log.warn({ flow, err: error }, 'failed to drive a flow; retrying')
    try {
      if (failures === maxTries) {
        log.error({ flow, err: error }, 'failed to drive a flow; it is stopped')
        await store.stop(flow, 'internal_error', redisNow())
      } else if (failures >= 2 * maxTries) {
        await failFlow(this.#deps, flow)
        this.#failures.delete(flow)
      }
    } catch (cause) {
      log.debug({ flow, err: cause }, 'failed to stop a flow; the next check retries')
    }
  }

  async #advance(id: string, loaded: LoadedFlow, jobs: JobNode[]): Promise<void> {
    const { nodes } = loaded.flow
    const advanced = await advanceFlow(this.#deps, loaded, jobs)
    if (advanced === 'open') {
      if (loaded.flow.nodes !== nodes) this.#cache.recount(id)
      return
    }
    this.#cache.delete(id)
    if (advanced === 'stale' && this.#isOpen) this.#deps.hints.add(id, undefined)
  }
}

/** The next of a flow's running jobs to check, and moves its cursor. */
function nextToCheck(flow: CachedFlow, maxJobs: number): JobNode[] {
  const all = [...flow.loaded.underWay()]
  const jobs = all.slice(flow.cursor, flow.cursor + maxJobs)
  flow.cursor += jobs.length
  if (flow.cursor >= all.length) {
    flow.cursor = 0
    flow.checkedAt = monotonicMs()
  }
  return jobs
}

function isLate({ flow }: LoadedFlow): boolean {
  return flow.deadlineAt !== undefined && flow.deadlineAt <= redisNow() && !flow.stop && !flow.finished
}
