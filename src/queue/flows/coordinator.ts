import type { Logger } from 'pino'
import { queuesOf, type Registry } from '../../jobs/registry.ts'
import type { Refusal } from '../admission/admission.ts'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import { BullQueues } from '../bullmq/bull-queues.ts'
import { ParentsDriver } from '../children/parents-driver.ts'
import type { JobEnd } from '../model/job-states.ts'
import { monotonicMs } from '../model/monotonic.ts'
import type { Redis } from '../redis/connection.ts'
import { fence, incarnationOf } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
import { JobControl } from '../store/cancel-and-retry.ts'
import { JobQueue } from '../store/job-queue.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import type { FlowDoor } from './expand-map.ts'
import { FlowDriver } from './flow-driver.ts'
import { FlowIndexUpkeep } from './flow-index-upkeep.ts'
import { FlowJobs } from './flow-jobs.ts'
import { FlowStore } from './flow-store.ts'
import { FlowHints } from './hints.ts'
import { FlowRemover } from './remove-flows.ts'

const everyMs = 1000
/** Long enough to outlast two missed renewals, short enough that another process soon takes over. */
const leaseMs = 4000
/** Expired flows are looked for, and indexes looked at, when this part of the retention is over, within these bounds. */
const upkeepPace = { share: 1 / 20, minMs: 1000, maxMs: 5000 }
/** Bounds of one pass over the list of open flows. */
const maxPerPass = { flows: 500, jobs: 2000 }

interface Options {
  redis: Redis
  subscriber: Redis
  keys: Keys
  registry: Registry
  outbox: WebhookOutbox
  resultTtlMs: number
  /** … a failed one; absent: as long as others. */
  failedTtlMs?: number
  log: Logger
  door: FlowDoor
  /** Whether there are tenants that take turns. */
  isShared?: () => boolean
  onEnded?: (type: string, end: JobEnd) => void
}

/** What a coordinator remembers of the flows: true for one incarnation of Redis. */
interface Memory {
  incarnation: number
  store: FlowStore
  driver: FlowDriver
  parents: ParentsDriver
  remover: FlowRemover
  upkeep: FlowIndexUpkeep
  /** When the next upkeep is due, in monotonic ms. */
  upkeepAt: number
}

/**
 * Drives all open flows to completion and removes ended ones, and looks after the jobs that have submitted others. Every process may run a coordinator; the holder of a lease does the work.
 * Two at once, after a lease was lost unnoticed, do no harm: see advance.ts. When Redis may have lost its last writes, it forgets what it
 * remembers of the flows, and what it is doing fails: it would go on from what is lost.
 */
export class FlowCoordinator {
  readonly #options: Options
  readonly #bull: BullQueues
  readonly #hints: FlowHints
  readonly #lease: Lease
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #ticking: Promise<void> | undefined
  #passing: Promise<void> | undefined
  /** Undefined: another process is the leader. */
  #memory: Memory | undefined
  /** The rank on the list at which the next pass begins. */
  #from = 0

  constructor(options: Options) {
    const { redis, keys, subscriber, log } = options
    this.#options = options
    this.#bull = new BullQueues({ redis, keys, isListed: true, isShared: options.isShared })
    this.#hints = new FlowHints(subscriber, keys.flowHints, {
      onHint: (owner, job, isUrgent) => this.#onHint(owner, job, isUrgent),
      onGap: () => this.#checkAllSoon(),
    })
    this.#lease = new Lease({ redis, key: keys.flowLease, ms: leaseMs, renewAfterMs: 0 })
    this.#log = log
  }

  /** Tries every second to become or to stay the leader. May be called twice. */
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

  /** Gives the work up, so that another process can take over at once. May be called twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#ticking
    const memory = this.#memory
    if (!memory) return
    await this.#standDown(memory)
    await this.#passing
    await memory.driver.idle()
    await memory.parents.idle()
    await this.#lease.release()
  }

  async #tick(): Promise<void> {
    try {
      const isHeld = await this.#lease.hold()
      const memory = this.#memory
      if (!isHeld && memory) await this.#standDown(memory)
      else if (isHeld && !memory) await this.#lead()
      else if (memory && memory.incarnation !== incarnationOf(this.#options.redis)) this.#readAnew(memory)
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to renew the lease of the flow coordinator; the next tick retries')
    }
    const memory = this.#memory
    if (!memory) return
    // Not awaited: a pass may take longer than the lease lasts.
    this.#passing ??= this.#passAndRemove(memory).finally(() => {
      this.#passing = undefined
    })
  }

  #onHint(owner: string, job: string | undefined, isUrgent: boolean): void {
    const memory = this.#memory
    if (owner.startsWith('flow_')) memory?.driver.hint(owner, job, isUrgent)
    else memory?.parents.hint(owner, job)
  }

  async #lead(): Promise<void> {
    await this.#hints.listen()
    this.#memory = this.#remember()
    this.#log.info('became flow coordinator')
  }

  async #standDown(memory: Memory): Promise<void> {
    this.#memory = undefined
    memory.driver.close()
    memory.parents.close()
    await this.#hints.close()
  }

  #readAnew(before: Memory): void {
    before.driver.close()
    before.parents.close()
    this.#memory = this.#remember()
    this.#log.info('read all open flows anew: Redis may have lost its last writes')
  }

  #remember(): Memory {
    const { keys, registry, outbox, resultTtlMs, failedTtlMs = resultTtlMs, log, door, onEnded } = this.#options
    const incarnation = incarnationOf(this.#options.redis)
    const redis = fence(this.#options.redis)
    const store = new FlowStore({ redis, keys })
    const jobs = new FlowJobs({ redis, keys, registry, bull: this.#bull, onEnded })
    const onHeldBack = (flow: string, { reason }: Refusal) => {
      log.info({ flow, reason }, 'a map of a flow waits for room')
    }
    const quotas = new TenantQuotas({ redis, keys })
    const deps = { store, jobs, registry, outbox, door, quotas, onHeldBack }
    const driver = new FlowDriver({ ...deps, hints: this.#hints, log })
    const remover = new FlowRemover({ redis, keys, store, jobs, outbox, resultTtlMs, failedTtlMs })
    const upkeep = new FlowIndexUpkeep({ redis, keys, store })
    const queue = new JobQueue({ client: redis, keys, queues: queuesOf(registry) })
    const control = new JobControl({ redis, keys })
    const parents = new ParentsDriver({ redis, keys, jobs: queue, control, quotas, registry, onEnded, log })
    this.#from = 0
    driver.open()
    upkeep.begin()
    return { incarnation, store, driver, parents, remover, upkeep, upkeepAt: 0 }
  }

  async #passAndRemove(memory: Memory): Promise<void> {
    try {
      await this.#pass(memory)
      await memory.parents.pass()
      if (monotonicMs() < memory.upkeepAt) return
      const { resultTtlMs, failedTtlMs = resultTtlMs } = this.#options
      const { share, minMs, maxMs } = upkeepPace
      memory.upkeepAt = monotonicMs() + Math.min(Math.max(Math.min(resultTtlMs, failedTtlMs) * share, minMs), maxMs)
      await memory.remover.removeExpired()
      await memory.upkeep.step()
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to check the open flows; the next tick retries')
    }
  }

  /** Checks the next flows on the list. */
  async #pass(memory: Memory): Promise<void> {
    const entries = await memory.store.openList.read(this.#from, maxPerPass.flows)
    let jobsLeft = maxPerPass.jobs
    let seen = 0
    for (const entry of entries) {
      if (jobsLeft <= 0 || this.#memory !== memory) return
      seen += 1
      jobsLeft -= await memory.driver.check(entry, jobsLeft)
    }
    this.#from = seen < entries.length || entries.length === maxPerPass.flows ? this.#from + seen : 0
  }

  #checkAllSoon(): void {
    this.#from = 0
    this.#memory?.driver.expireChecks()
    this.#memory?.parents.expireChecks()
  }
}
