import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { Webhook, WebhookEvent } from '../model/webhook-target.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { fence } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import type { JobControl } from '../store/cancel-and-retry.ts'
import { JobQueue } from '../store/job-queue.ts'
import { deliveryQueue, deliveryRef, deliveryType, deliveryWaitsMs, ownerOfDelivery } from './delivery.ts'
import { OriginTurns } from './origin-turns.ts'
import { jobPayload, type WebhookPayload } from './payload.ts'
import { countResend } from './resend-limit.ts'

const settleDebt = loadScript('webhooks/settle-debt')

/** Deliveries are listed for this many of the latest runs. */
const maxRunsListed = 20
/** A receiver that resends what it receives comes to an end. */
export const maxResends = 100
/** A delivery that is being sent is canceled by aborting its request, which takes no time. */
const cancelGraceMs = 1000

/** A job or a flow as the owner of deliveries. */
export interface WebhookOwner {
  id: string
  run: number
  webhook: Webhook | undefined
  /** How its current run has ended; undefined while it has not. */
  event: WebhookEvent | undefined
}

/** A job as the owner of its deliveries. */
export function jobOwner({ id, run, record, state }: StoredJob): WebhookOwner {
  return { id, run, webhook: record.webhook, event: webhookEventOf(state) }
}

/** A delivery that is stored, or will be when its job or flow ends (`delivery` is undefined then). */
export type KnownDelivery = { run: number; ref: JobRef; delivery: StoredJob | undefined }

/** A delivery and the id of the job or flow that it is of. */
export type FoundDelivery = { owner: string; isOfFlow: boolean; run: number; ref: JobRef; delivery: StoredJob }

/** `not_done`: it is being sent. `missing`: it was removed meanwhile. `used_up`: it was sent again {@link maxResends} times. `limited`: its tenant resends too often. */
type ResendOutcome =
  | { status: 'resent' | 'not_done' | 'missing' | 'used_up' }
  | { status: 'limited'; retryAfterMs: number }

/**
 * Stores deliveries of webhooks, as jobs of the queue {@link deliveryQueue}. A job with a webhook is in its queue's set of debts from
 * before it is stored until its delivery is. The process that ends the job stores the delivery, or else a sweep does, under an id
 * derived from the job, so that doing it twice stores one. A flow's debt is part of its own document: see flow-webhook.ts.
 */
export class WebhookOutbox {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #jobs: JobQueue
  readonly #deliveries: JobQueue
  readonly #control: JobControl
  readonly #log: Logger
  readonly #turns = new OriginTurns()

  /** @param deps `jobs` reads the jobs that have webhooks. */
  constructor(deps: { redis: Redis; keys: Keys; jobs: JobQueue; control: JobControl; log: Logger }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#jobs = deps.jobs
    this.#deliveries = new JobQueue({
      client: deps.redis,
      keys: deps.keys,
      queues: [deliveryQueue],
      listedBy: 'id',
    })
    this.#control = deps.control
    this.#log = deps.log
  }

  /**
   * Stores a delivery, to be sent at once. Does nothing where the webhook is not subscribed to `event`; idempotent.
   *
   * @param options `owner` is the id of the job or flow, `run` the run that has ended.
   * @throws QueueUnavailableError; the delivery may be stored all the same
   */
  async create(options: {
    owner: string
    run: number
    event: WebhookEvent
    payload: WebhookPayload
    webhook: Webhook
    tenant: string
  }): Promise<void> {
    const { owner, run, event, payload, webhook, tenant } = options
    if (!webhook.events.includes(event)) return
    const { hops, traceparent } = webhook
    const turn = this.#turns.next(webhook.url, performance.now())
    await this.#deliveries.add({
      ref: deliveryRef(owner, run),
      type: deliveryType,
      record: {
        tenant,
        ...(hops !== undefined && { hops }),
        ...(traceparent !== undefined && { traceparent }),
        // Below 0, the priority of all that clients submit: the later the turn, the lower.
        ...(turn > 0 && { priority: -turn }),
        input: { url: webhook.url, event, tenant, body: JSON.stringify(payload) },
      },
      attempts: deliveryWaitsMs.length + 1,
      createdAt: redisNow(),
    })
  }

  /** Stores the delivery that an ended job owes, and settles the debt. Does nothing when it has not ended. @throws QueueUnavailableError */
  async release(job: StoredJob): Promise<void> {
    const { id, run, state, record } = job
    const event = webhookEventOf(state)
    if (event === undefined) return
    const { webhook } = record
    // A debt is not settled where the delivery may be lost again.
    const redis = fence(this.#redis)
    if (webhook) await this.create({ owner: id, run, event, payload: jobPayload(job), webhook, tenant: record.tenant })
    // Settles the debt of this run alone: a client may have retried the job meanwhile.
    await whenAvailable(settleDebt(redis, [this.#keys.job(job), this.#keys.webhookDebts(job.queue)], [id, run]))
  }

  /** Called when a job has just ended; `data` is its record. Never rejects: a sweep does what fails here. */
  async onEnd(ref: JobRef, data: unknown): Promise<void> {
    const { webhook }: { webhook?: unknown } = Object(data)
    if (webhook !== undefined) await this.releaseOf(ref)
  }

  /** Reads a job that may have ended, and stores the delivery that it owes. Never rejects. @returns false when that is left to a later sweep */
  async releaseOf(ref: JobRef): Promise<boolean> {
    try {
      const job = await this.#jobs.read(ref)
      if (job) await this.release(job)
      return true
    } catch (error) {
      this.#log.warn({ job: ref.id, err: error }, 'failed to store a webhook delivery; the next sweep retries')
      return false
    }
  }

  /** The deliveries of the latest runs, newest first, with one that will be stored when the current run ends. @throws QueueUnavailableError */
  async list(owner: WebhookOwner): Promise<KnownDelivery[]> {
    if (!owner.webhook) return []
    const runs = Array.from({ length: Math.min(owner.run, maxRunsListed) }, (_, n) => owner.run - n)
    const known = await Promise.all(runs.map((run) => this.#find(owner, run)))
    return known.filter(({ run, delivery }) => delivery || (run === owner.run && isOwed(owner)))
  }

  /** Reads deliveries that JobIndex found, in that order. @throws QueueUnavailableError */
  async *readMany(found: JobRef[]): AsyncGenerator<FoundDelivery | undefined, void, undefined> {
    const refs = found.map(({ queue, id, bullId = id }) => ({ queue, id: bullId }))
    for await (const { ref, job } of this.#deliveries.readMany(refs)) {
      const owner = ownerOfDelivery(ref.id)
      yield job && owner ? { ...owner, ref, delivery: job } : undefined
    }
  }

  /** A delivery by its id; undefined when this owner has no such delivery. @throws QueueUnavailableError */
  async read(owner: WebhookOwner, deliveryId: string): Promise<KnownDelivery | undefined> {
    const run = Number(/_(\d{1,9})$/.exec(deliveryId)?.[1] ?? Number.NaN)
    return deliveryRef(owner.id, run).id === deliveryId ? this.#find(owner, run) : undefined
  }

  /** Sends an ended delivery again, with all its attempts, unless it or its tenant (`perMinute`) was resent too often. @throws QueueUnavailableError */
  async resend(delivery: StoredJob, perMinute: number): Promise<ResendOutcome> {
    if (!delivery.done) return { status: 'not_done' }
    if (delivery.run > maxResends) return { status: 'used_up' }
    const retryAfterMs = await countResend(this.#redis, this.#keys, delivery.record.tenant, perMinute)
    if (retryAfterMs > 0) return { status: 'limited', retryAfterMs }
    const reopened = await this.#control.reopen(delivery, redisNow(), { keepsStarts: true })
    if (reopened === 'missing') return { status: 'missing' }
    return { status: reopened === 'reopened' ? 'resent' : 'not_done' }
  }

  /** Removes the deliveries of a job or flow that is about to be removed. One that is being sent is canceled, and removed after its retention. @throws QueueUnavailableError */
  async forget(owner: WebhookOwner): Promise<void> {
    for (const { delivery } of await this.list(owner)) {
      if (!delivery) continue
      if (!delivery.done) await this.#control.cancel(delivery, cancelGraceMs, redisNow())
      await this.#deliveries.remove(delivery)
    }
  }

  async #find({ id }: WebhookOwner, run: number): Promise<KnownDelivery> {
    const ref = deliveryRef(id, run)
    return { run, ref, delivery: await this.#deliveries.read(ref) }
  }
}

/** Whether a delivery of the current run may still be stored. */
function isOwed({ event, webhook }: WebhookOwner): boolean {
  return event === undefined || webhook?.events.includes(event) === true
}

function webhookEventOf(state: StoredJob['state']): WebhookEvent | undefined {
  return state === 'succeeded' || state === 'failed' || state === 'canceled' || state === 'expired' ? state : undefined
}
