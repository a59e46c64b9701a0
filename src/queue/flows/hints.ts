import type { Redis } from '../redis/connection.ts'

/** Flows with hints, and hints of one flow. Beyond the first, hints are dropped; beyond the second, the whole flow is checked. */
const max = { flows: 20_000, jobs: 20_000 }

/**
 * The hints of a flow. `isWhole`: the flow itself may have changed, and must be read anew. `isUrgent`: something may wait for what the
 * coordinator does about them.
 */
export interface Hinted {
  jobs: Set<string>
  isWhole: boolean
  isUrgent: boolean
}

interface Listeners {
  onHint: (flow: string, job: string | undefined, isUrgent: boolean) => void
  /** Hints may have been missed: the connection was away. */
  onGap: () => void
}

/**
 * Receives and collects hints, `<flow> <job>`, `<flow> <job> released` or `<flow>`: jobs of flows that may have ended, those whose successor
 * was released with their end, and flows that may have changed.
 * Hints are best effort: a periodic check finds what they miss, and Redis has the truth.
 */
export class FlowHints {
  readonly #subscriber: Redis
  readonly #channel: string
  readonly #listeners: Listeners
  readonly #pending = new Map<string, Hinted>()
  #isListening = false

  constructor(subscriber: Redis, channel: string, listeners: Listeners) {
    this.#subscriber = subscriber
    this.#channel = channel
    this.#listeners = listeners
  }

  /** Subscribes, and again whenever the connection is back. */
  async listen(): Promise<void> {
    if (!this.#isListening) {
      this.#isListening = true
      this.#subscriber.on('message', this.#onMessage)
      this.#subscriber.on('ready', this.#onReady)
    }
    await this.#subscriber.subscribe(this.#channel)
  }

  async close(): Promise<void> {
    this.#isListening = false
    this.#subscriber.off('message', this.#onMessage)
    this.#subscriber.off('ready', this.#onReady)
    this.#pending.clear()
    // Without a connection there is no subscription to end.
    if (this.#subscriber.status === 'ready') await this.#subscriber.unsubscribe(this.#channel)
  }

  /** Keeps a hint until it is taken; without a job, for the whole flow. */
  add(flow: string, job: string | undefined, isUrgent = true): void {
    const hinted = this.#pending.get(flow) ?? { jobs: new Set(), isWhole: false, isUrgent: false }
    if (!this.#pending.has(flow) && this.#pending.size >= max.flows) return
    if (job === undefined || hinted.jobs.size >= max.jobs) hinted.isWhole = true
    else hinted.jobs.add(job)
    hinted.isUrgent ||= isUrgent
    this.#pending.set(flow, hinted)
  }

  has(flow: string): boolean {
    return this.#pending.has(flow)
  }

  isUrgent(flow: string): boolean {
    return this.#pending.get(flow)?.isUrgent ?? false
  }

  /** Removes and returns the hints of a flow. */
  take(flow: string): Hinted | undefined {
    const hinted = this.#pending.get(flow)
    this.#pending.delete(flow)
    return hinted
  }

  readonly #onMessage = (channel: string, message: string): void => {
    if (channel !== this.#channel) return
    const [flow = '', job, released] = message.split(' ')
    this.#listeners.onHint(flow, job, released === undefined)
  }

  readonly #onReady = (): void => {
    this.#subscriber.subscribe(this.#channel).then(this.#listeners.onGap, () => this.#subscriber.disconnect(true))
  }
}
