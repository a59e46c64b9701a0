import type { Logger } from 'pino'
import type { Registry } from '../../jobs/registry.ts'
import type { Refusal } from '../admission/admission.ts'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
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
/** Bounds of one pass over the list of open flows. */
const maxPerPass = { flows: 500, jobs: 2000 }

/**
 * Drives all open flows to completion and removes ended ones. Every process may run a coordinator; the holder of a lease does the work.
 * Two at once, after a lease was lost unnoticed, do no harm: see advance.ts.
 */
export class FlowCoordinator {
  readonly #store: FlowStore
  readonly #driver: FlowDriver
  readonly #remover: FlowRemover
  readonly #upkeep: FlowIndexUpkeep
  readonly #hints: FlowHints
  readonly #lease: Lease
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #ticking: Promise<void> | undefined
  #passing: Promise<void> | undefined
  #isLeader = false
  /** The rank on the list at which the next pass begins. */
  #from = 0

  constructor(options: {
    redis: Redis
    subscriber: Redis
    keys: Keys
    registry: Registry
    outbox: WebhookOutbox
    resultTtlMs: number
    log: Logger
    door: FlowDoor
    onEnded?: (type: string, end: JobEnd) => void
  }) {
    const { redis, keys, registry, outbox, subscriber, log, door, onEnded } = options
    const store = new FlowStore({ redis, keys })
    const jobs = new FlowJobs({ redis, keys, registry, onEnded })
    this.#hints = new FlowHints(subscriber, keys.flowHints, {
      onHint: (flow, job) => this.#driver.hint(flow, job),
      onGap: () => this.#checkAllSoon(),
    })
    this.#store = store
    const onHeldBack = (flow: string, { reason }: Refusal) => {
      log.info({ flow, reason }, 'a map of a flow waits for room')
    }
    const quotas = new TenantQuotas({ redis, keys })
    const deps = { store, jobs, registry, outbox, door, quotas, onHeldBack }
    this.#driver = new FlowDriver({ ...deps, hints: this.#hints, log })
    this.#remover = new FlowRemover({ ...options, store, jobs })
    this.#upkeep = new FlowIndexUpkeep({ redis, keys, store })
    this.#lease = new Lease({ redis, key: keys.flowLease, ms: leaseMs })
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
    if (!this.#isLeader) return
    await this.#standDown()
    await this.#passing
    await this.#driver.idle()
    await this.#lease.release()
  }

  async #tick(): Promise<void> {
    try {
      const isHeld = await this.#lease.hold()
      if (isHeld && !this.#isLeader) await this.#lead()
      else if (!isHeld && this.#isLeader) await this.#standDown()
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to renew the lease of the flow coordinator; the next tick retries')
    }
    // Not awaited: a pass may take longer than the lease lasts.
    if (this.#isLeader) {
      this.#passing ??= this.#passAndRemove().finally(() => {
        this.#passing = undefined
      })
    }
  }

  async #lead(): Promise<void> {
    await this.#hints.listen()
    this.#isLeader = true
    this.#from = 0
    this.#driver.open()
    this.#upkeep.begin()
    this.#log.info('became flow coordinator')
  }

  async #standDown(): Promise<void> {
    this.#isLeader = false
    this.#driver.close()
    await this.#hints.close()
  }

  async #passAndRemove(): Promise<void> {
    try {
      await this.#pass()
      await this.#remover.removeExpired()
      await this.#upkeep.step()
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to check the open flows; the next tick retries')
    }
  }

  /** Checks the next flows on the list. */
  async #pass(): Promise<void> {
    const entries = await this.#store.openList.read(this.#from, maxPerPass.flows)
    let jobsLeft = maxPerPass.jobs
    let seen = 0
    for (const entry of entries) {
      if (jobsLeft <= 0 || !this.#isLeader) break
      seen += 1
      jobsLeft -= await this.#driver.check(entry, jobsLeft)
    }
    this.#from = seen < entries.length || entries.length === maxPerPass.flows ? this.#from + seen : 0
  }

  #checkAllSoon(): void {
    this.#from = 0
    this.#driver.expireChecks()
  }
}
