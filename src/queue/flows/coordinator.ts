import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Registry } from '../../jobs/registry.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { advanceFlow } from './advance.ts'
import { FlowMembers } from './flow-jobs.ts'
import { FlowStore, type OpenEntry } from './flow-store.ts'
import { FlowHints } from './hints.ts'
import { MemberIds } from './model/flow-job-id.ts'
import type { JobNode } from './model/plan.ts'
import { OpenFlow } from './open-flow.ts'
import { FlowRemover } from './remover.ts'

const holdLease = loadScript('flows/hold-lease')
const leaveLease = loadScript('flows/leave-lease')

const everyMs = 1000
/** Long enough to outlast two missed renewals, short enough that another process soon takes over. */
const leaseMs = 4000
/** Each flow's jobs are looked at this often, whatever was said of them: a word may be lost with whoever should say it. */
const lookEveryMs = 5000
/** In one pass over the list: how many flows, and how many jobs. */
const flowsPerPass = 500
const jobsPerPass = 2000
/** How many flows are brought on at once. */
const mostAtOnce = 20
/** How many nodes of flows are kept in memory, in all: those of the flows that were needed least lately make room. */
const mostNodes = 200_000
/** A flow with many jobs under way gathers what is said of them for this long. */
const gatherMs = 15
const gatherFrom = 50
/** A place on the list without a flow belongs to one that was never stored, once it is this old. */
const emptyAfterMs = 60_000

interface Options {
  redis: Redis
  subscriber: Redis
  keys: Keys
  registry: Registry
  outbox: WebhookOutbox
  resultTtlMs: number
  log: Logger
}

/** A flow in memory, and how far the looking at its jobs has come. */
interface Kept {
  open: OpenFlow
  lookedAt: number
  cursor: number
}

/**
 * Brings flows on: hears which jobs may have ended, and does what follows. Every process may run one; by a lease, one of them
 * works. Two that work at once, when a lease was lost unnoticed, do no harm, see {@link advanceFlow}.
 */
export class FlowCoordinator {
  readonly #options: Options
  readonly #store: FlowStore
  readonly #members: FlowMembers
  readonly #remover: FlowRemover
  readonly #hints: FlowHints
  readonly #id = randomUUID()
  readonly #kept = new Map<string, Kept>()
  readonly #busy = new Map<string, Promise<void>>()
  readonly #waiting = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #nodes = 0
  #timer: NodeJS.Timeout | undefined
  #ticking: Promise<void> | undefined
  #passing: Promise<void> | undefined
  #leads = false
  #from = 0

  constructor(options: Options) {
    const { redis, keys, registry, subscriber } = options
    this.#options = options
    this.#store = new FlowStore({ redis, keys })
    this.#members = new FlowMembers({ redis, keys, registry })
    this.#remover = new FlowRemover({ ...options, store: this.#store, members: this.#members })
    this.#hints = new FlowHints(subscriber, keys.flowHints, {
      onHint: (flow, job) => this.#onHint(flow, job),
      onGap: () => this.#lookAtAllSoon(),
    })
  }

  /** Tries every second to become, or to stay, the one that works. May be called twice. */
  start(): void {
    if (this.#timer) return
    const tick = () => {
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined
      })
    }
    this.#timer = setInterval(tick, everyMs)
    tick()
  }

  /** Leaves the work to another process at once. May be called twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#ticking
    if (!this.#leads) return
    await this.#leave()
    await this.#passing
    await Promise.all(this.#busy.values())
    const { redis, keys } = this.#options
    await leaveLease(redis, [keys.flowLease], [this.#id])
  }

  async #tick(): Promise<void> {
    const { redis, keys, log } = this.#options
    try {
      const holds = (await holdLease(redis, [keys.flowLease], [this.#id, leaseMs])) === 1
      if (holds && !this.#leads) await this.#takeOver()
      else if (!holds && this.#leads) await this.#leave()
    } catch (error) {
      // The next tick, or another process, does it.
      log.debug({ err: error }, 'the lease of the flows could not be asked for')
    }
    // Not awaited: it may take longer than the lease lasts.
    if (this.#leads) {
      this.#passing ??= this.#lookAround().finally(() => {
        this.#passing = undefined
      })
    }
  }

  async #lookAround(): Promise<void> {
    try {
      await this.#pass()
      await this.#remover.removeExpired()
    } catch (error) {
      this.#options.log.debug({ err: error }, 'flows could not be looked at')
    }
  }

  async #takeOver(): Promise<void> {
    await this.#hints.listen()
    this.#leads = true
    this.#from = 0
    this.#options.log.info('this process brings flows on')
  }

  async #leave(): Promise<void> {
    this.#leads = false
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#waiting.clear()
    this.#kept.clear()
    this.#nodes = 0
    await this.#hints.close()
  }

  /** Looks at the next flows on the list, and at some of their jobs. */
  async #pass(): Promise<void> {
    const entries = await this.#store.open(this.#from, flowsPerPass)
    let left = jobsPerPass
    let seen = 0
    for (const entry of entries) {
      if (left <= 0 || !this.#leads) break
      seen += 1
      // Who is busy is being looked at.
      if (this.#busy.has(entry.id)) continue
      left -= await this.#work(entry.id, () => this.#lookAt(entry, left))
    }
    this.#from = seen < entries.length || entries.length === flowsPerPass ? this.#from + seen : 0
  }

  /** @returns how many jobs were looked at */
  async #lookAt(entry: OpenEntry, most: number): Promise<number> {
    const known = this.#kept.get(entry.id)
    if (known && Date.now() - known.lookedAt < lookEveryMs && !isLate(known.open)) return 0
    const kept = await this.#keep(entry.id, !known || (await this.#hasChanged(known.open)))
    if (!kept || kept.open.flow.run !== entry.run) {
      // Its run is over, or it was never stored, or is just about to be.
      const isPast = kept !== undefined && kept.open.flow.run > entry.run
      if (isPast || Date.now() - entry.since > emptyAfterMs) await this.#store.unlist(entry.id, entry.run, undefined)
      return 1
    }
    const { open } = kept
    if (isLate(open)) {
      await this.#store.stop(entry.id, 'deadline_exceeded', Date.now())
      this.#forget(entry.id)
      return 1 + (await this.#lookAt(entry, most))
    }
    const jobs = [...open.underWay()]
    const some = jobs.slice(kept.cursor, kept.cursor + most)
    kept.cursor += some.length
    if (kept.cursor >= jobs.length) {
      kept.cursor = 0
      kept.lookedAt = Date.now()
    }
    await this.#advance(entry.id, open, some)
    return 1 + some.length
  }

  /** Whether a flow is in another run by now, or over, or being stopped, which this process may not have heard. */
  async #hasChanged({ flow }: OpenFlow): Promise<boolean> {
    const { run, isFinished, isStopping, isStored } = await this.#store.glance(flow.id)
    flow.isStored ||= isStored
    return run !== flow.run || isFinished || isStopping !== (flow.stop !== undefined)
  }

  #onHint(flow: string, job: string | undefined): void {
    if (!this.#leads) return
    this.#hints.keep(flow, job)
    this.#schedule(flow)
  }

  #schedule(flow: string): void {
    if (this.#busy.has(flow) || this.#timers.has(flow)) return
    const kept = this.#kept.get(flow)
    const isWide = kept !== undefined && kept.open.underWayCount >= gatherFrom
    if (!isWide) return this.#begin(flow)
    this.#timers.set(
      flow,
      setTimeout(() => {
        this.#timers.delete(flow)
        this.#begin(flow)
      }, gatherMs),
    )
  }

  #begin(flow: string): void {
    // Two at once on one flow would each take in what the other has taken in. The hint is kept until the first is done.
    if (this.#busy.has(flow)) return
    if (this.#busy.size >= mostAtOnce) return void this.#waiting.add(flow)
    void this.#work(flow, async () => {
      const hinted = this.#hints.take(flow)
      if (!hinted) return 0
      const kept = await this.#keep(flow, hinted.isWhole)
      if (!kept) return 0
      const ids = new MemberIds(flow)
      const jobs: JobNode[] = []
      for (const job of hinted.jobs) {
        const node = kept.open.plan.node(ids.node(job) ?? -1)
        if (node?.kind === 'job') jobs.push(node)
      }
      await this.#advance(flow, kept.open, jobs)
      return jobs.length
    })
  }

  /** One at a time for each flow. Never rejects: what failed is done when the flow is looked at again. */
  async #work(flow: string, act: () => Promise<number>): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#busy.set(flow, promise)
    try {
      return await act()
    } catch (error) {
      this.#options.log.warn({ flow, err: error }, 'a flow could not be brought on: it is read again')
      this.#forget(flow)
      return 1
    } finally {
      this.#busy.delete(flow)
      resolve()
      if (this.#hints.has(flow) && this.#leads) this.#schedule(flow)
      for (const next of this.#waiting) {
        if (this.#busy.size >= mostAtOnce) break
        this.#waiting.delete(next)
        this.#begin(next)
      }
    }
  }

  async #advance(flow: string, open: OpenFlow, jobs: JobNode[]): Promise<void> {
    const { registry, outbox } = this.#options
    const deps = { store: this.#store, members: this.#members, registry, outbox }
    const advanced = await advanceFlow(deps, open, jobs)
    if (advanced === 'open') return
    this.#forget(flow)
    // What this process had was out of date: once more, from what is stored.
    if (advanced === 'stale' && this.#leads) this.#hints.keep(flow, undefined)
  }

  /** The flow in memory, read where it is not there or `anew` is asked for. */
  async #keep(flow: string, anew: boolean): Promise<Kept | undefined> {
    const known = this.#kept.get(flow)
    if (known && !anew) {
      this.#kept.delete(flow)
      this.#kept.set(flow, known)
      return known
    }
    const cursor = known?.cursor ?? 0
    this.#forget(flow)
    const open = await OpenFlow.read(this.#store, flow)
    if (!open) return undefined
    // Just stored: nobody has missed anything of it.
    const isNew = Date.now() - open.flow.createdAt < everyMs
    const kept = { open, lookedAt: isNew ? Date.now() : 0, cursor }
    this.#kept.set(flow, kept)
    this.#nodes += open.flow.nodes
    for (const [id, other] of this.#kept) {
      if (this.#nodes <= mostNodes) break
      if (id !== flow && !this.#busy.has(id)) this.#drop(id, other)
    }
    return kept
  }

  #forget(flow: string): void {
    const kept = this.#kept.get(flow)
    if (kept) this.#drop(flow, kept)
  }

  #drop(flow: string, { open }: Kept): void {
    this.#kept.delete(flow)
    this.#nodes -= open.flow.nodes
  }

  /** Messages may have been missed. */
  #lookAtAllSoon(): void {
    this.#from = 0
    for (const kept of this.#kept.values()) kept.lookedAt = 0
  }
}

function isLate({ flow }: OpenFlow): boolean {
  return flow.deadlineAt !== undefined && flow.deadlineAt <= Date.now() && !flow.stop && !flow.finished
}
