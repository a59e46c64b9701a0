import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { Webhook, WebhookEvent } from '../model/webhook-target.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import type { JobSteering } from '../store/cancel-and-retry.ts'
import { JobQueue } from '../store/job-queue.ts'
import { deliveryQueue, deliveryRef, deliveryType, deliveryWaitsMs } from './delivery.ts'
import { jobNotice, type Notice } from './payload.ts'

const settleDebt = loadScript('webhooks/settle-debt')

/** How far back, in runs, the deliveries of a job are shown. */
const runsShown = 20
/** Deleting a running delivery stops its request; it needs no time for it. */
const cancelGraceMs = 1000

/** A job or a flow, as far as its deliveries are concerned. */
export interface WebhookOwner {
  id: string
  run: number
  webhook: Webhook | undefined
  /** How its current run has ended; undefined while it goes on. */
  event: WebhookEvent | undefined
}

/** … of a job. */
export function jobOwner({ id, run, record, state }: StoredJob): WebhookOwner {
  return { id, run, webhook: record.webhook, event: webhookEventOf(state) }
}

/** A delivery that is there, or will be when its job or flow ends. */
export type KnownDelivery = { run: number; ref: JobRef; delivery: StoredJob | undefined }

/**
 * Deliveries of webhooks. A job with a webhook is in its queue's set of debts from before it is stored until its delivery is:
 * whoever ends the job, or a sweeper, makes the delivery, under an id that follows from the job, so that making it twice makes
 * one. It is a job of the queue {@link deliveryQueue}. What a flow owes stands in its own document: see flow/webhook.ts.
 */
export class WebhookOutbox {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #jobs: JobQueue
  readonly #deliveries: JobQueue
  readonly #steering: JobSteering
  readonly #log: Logger

  /** @param deps `jobs` are those that are told of. */
  constructor(deps: { redis: Redis; keys: Keys; jobs: JobQueue; steering: JobSteering; log: Logger }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#jobs = deps.jobs
    this.#deliveries = new JobQueue({
      client: deps.redis,
      keys: deps.keys,
      queues: [deliveryQueue],
      isListed: false,
    })
    this.#steering = deps.steering
    this.#log = deps.log
  }

  /**
   * Stores a delivery, to be sent at once; nothing where the webhook does not ask for `event`. Doing it again does nothing.
   *
   * @param said `owner` is the id of the job or flow, `run` the one that has ended.
   * @throws QueueUnavailableError; the delivery may have been stored all the same.
   */
  async create(said: {
    owner: string
    run: number
    event: WebhookEvent
    notice: Notice
    webhook: Webhook
    tenant: string
  }): Promise<void> {
    const { owner, run, event, notice, webhook, tenant } = said
    if (!webhook.events.includes(event)) return
    await this.#deliveries.add({
      ref: deliveryRef(owner, run),
      type: deliveryType,
      record: { tenant, input: { url: webhook.url, event, tenant, body: JSON.stringify(notice) } },
      attempts: deliveryWaitsMs.length + 1,
      createdAt: Date.now(),
    })
  }

  /** Makes the delivery that an ended job owes, and ends the debt. Nothing where it has not ended. @throws QueueUnavailableError */
  async release(job: StoredJob): Promise<void> {
    const { id, run, state, record } = job
    const event = webhookEventOf(state)
    if (event === undefined) return
    const { webhook } = record
    if (webhook) await this.create({ owner: id, run, event, notice: jobNotice(job), webhook, tenant: record.tenant })
    // Only this run's: a client may have opened the next meanwhile.
    await whenAvailable(settleDebt(this.#redis, [this.#keys.job(job), this.#keys.webhookDebts(job.queue)], [id, run]))
  }

  /** For whoever has just ended a job; `data` is its record. Never rejects: what fails is left to a sweep. */
  async onEnd(ref: JobRef, data: unknown): Promise<void> {
    const { webhook }: { webhook?: unknown } = Object(data)
    if (webhook !== undefined) await this.releaseOf(ref)
  }

  /** Reads a job that has perhaps ended, and releases what it owes. Never rejects. @returns false when that is left to a later sweep */
  async releaseOf(ref: JobRef): Promise<boolean> {
    try {
      const job = await this.#jobs.read(ref)
      if (job) await this.release(job)
      return true
    } catch (error) {
      this.#log.warn({ job: ref.id, err: error }, 'a webhook was not released: a sweep does it')
      return false
    }
  }

  /** The deliveries of the latest runs, the newest first; one that is not there yet waits for the end of its run. @throws QueueUnavailableError */
  async list(owner: WebhookOwner): Promise<KnownDelivery[]> {
    if (!owner.webhook) return []
    const runs = Array.from({ length: Math.min(owner.run, runsShown) }, (_, n) => owner.run - n)
    const known = await Promise.all(runs.map((run) => this.#find(owner, run)))
    return known.filter(({ run, delivery }) => delivery || (run === owner.run && isOwed(owner)))
  }

  /** One delivery by its id; undefined when the id is no delivery's of this owner. @throws QueueUnavailableError */
  async read(owner: WebhookOwner, deliveryId: string): Promise<KnownDelivery | undefined> {
    const run = Number(/_(\d{1,9})$/.exec(deliveryId)?.[1] ?? Number.NaN)
    return deliveryRef(owner.id, run).id === deliveryId ? this.#find(owner, run) : undefined
  }

  /** Sends an ended delivery once more, with its attempts reset. @returns false when it has not ended. @throws QueueUnavailableError */
  async resend(delivery: StoredJob): Promise<boolean> {
    return delivery.done && (await this.#steering.reopen(delivery, Date.now())) === 'reopened'
  }

  /** Removes the deliveries of a job that is about to be removed; one that is being sent is stopped, and goes later. @throws QueueUnavailableError */
  async forget(job: StoredJob): Promise<void> {
    for (const { delivery } of await this.list(jobOwner(job))) {
      if (!delivery) continue
      if (!delivery.done) await this.#steering.cancel(delivery, cancelGraceMs, Date.now())
      await this.#deliveries.remove(delivery)
    }
  }

  async #find({ id }: WebhookOwner, run: number): Promise<KnownDelivery> {
    const ref = deliveryRef(id, run)
    return { run, ref, delivery: await this.#deliveries.read(ref) }
  }
}

/** Whether a delivery of the current run may still come. */
function isOwed({ event, webhook }: WebhookOwner): boolean {
  return event === undefined || webhook?.events.includes(event) === true
}

function webhookEventOf(state: StoredJob['state']): WebhookEvent | undefined {
  return state === 'succeeded' || state === 'failed' || state === 'canceled' || state === 'expired' ? state : undefined
}
