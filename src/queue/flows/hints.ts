import type { Redis } from '../redis/connection.ts'

/** Flows of which hints are kept, and hints of one flow; beyond it, the whole flow is looked at. */
const most = { flows: 20_000, jobs: 20_000 }

/** What is said on the channel of flows, `<flow> <job>` or `<flow>`, gathered until somebody takes it. A hint carries no truth. */
export class FlowHints {
  readonly #subscriber: Redis
  readonly #channel: string
  readonly #on: { onHint: (flow: string, job: string | undefined) => void; onGap: () => void }
  readonly #kept = new Map<string, { jobs: Set<string>; isWhole: boolean }>()
  #listens = false

  constructor(
    subscriber: Redis,
    channel: string,
    on: { onHint: (flow: string, job: string | undefined) => void; onGap: () => void },
  ) {
    this.#subscriber = subscriber
    this.#channel = channel
    this.#on = on
  }

  /** Listens from now on, also on a connection that takes the place of this one. */
  async listen(): Promise<void> {
    if (!this.#listens) {
      this.#listens = true
      this.#subscriber.on('message', this.#onMessage)
      this.#subscriber.on('ready', this.#onReady)
    }
    await this.#subscriber.subscribe(this.#channel)
  }

  async close(): Promise<void> {
    this.#listens = false
    this.#subscriber.off('message', this.#onMessage)
    this.#subscriber.off('ready', this.#onReady)
    this.#kept.clear()
    // A connection that is lost takes its subscriptions with it.
    if (this.#subscriber.status === 'ready') await this.#subscriber.unsubscribe(this.#channel)
  }

  keep(flow: string, job: string | undefined): void {
    const kept = this.#kept.get(flow) ?? { jobs: new Set(), isWhole: false }
    // Whoever is dropped here is found by the next look at all flows.
    if (!this.#kept.has(flow) && this.#kept.size >= most.flows) return
    if (job === undefined || kept.jobs.size >= most.jobs) kept.isWhole = true
    else kept.jobs.add(job)
    this.#kept.set(flow, kept)
  }

  has(flow: string): boolean {
    return this.#kept.has(flow)
  }

  /** `isWhole`: the flow itself may have changed, and is to be read anew. */
  take(flow: string): { jobs: Set<string>; isWhole: boolean } | undefined {
    const kept = this.#kept.get(flow)
    this.#kept.delete(flow)
    return kept
  }

  readonly #onMessage = (channel: string, message: string): void => {
    if (channel !== this.#channel) return
    const [flow = '', job] = message.split(' ')
    this.#on.onHint(flow, job)
  }

  readonly #onReady = (): void => {
    this.#subscriber.subscribe(this.#channel).then(this.#on.onGap, () => this.#subscriber.disconnect(true))
  }
}
