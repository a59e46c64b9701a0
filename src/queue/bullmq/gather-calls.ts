/** About how many characters one call has at most. */
const maxSize = 1024 * 1024

/** How many calls may be under way on a near Redis: more make jobs that began together stay in step (12,300 jobs/s in place of 16,200 with jobs of 5 ms). */
const maxInFlightWhenNear = 2
/**
 * … on a far one, or where the machine is busy: two would cost more than they bring. Without a bound each job has a call of its own, which costs
 * what BullMQ's own backend does.
 */
const maxInFlightWhenFar = 8
/** A Redis is far when even the fastest of some calls took this long. */
const farMs = 1.5
const callsPerLook = 64

interface Pending<Item, Answer> {
  item: Item
  size: number
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

export interface GatherOptions<Item, Answer> {
  /** Sends items in one call. @returns an answer for each, or why one has none */
  send: (items: Item[]) => Promise<(Answer | Error)[]>
  /** Calls back when what belongs together has been pushed. */
  schedule: (flush: () => void) => void
  /** Whether the number of calls under way is bounded on a near Redis. Where it is not, a full call is sent before what belongs together has been pushed. */
  isBounded: boolean
  /** How many items one call has at most: in larger ones Redis and this process wait for each other. */
  maxItems: number
}

/** Gathers what is asked for at about the same time, sends it in few calls, and gives each its own answer. Keeps the order. */
export class GatheredCalls<Item, Answer> {
  readonly #options: GatherOptions<Item, Answer>
  #pending: Pending<Item, Answer>[] = []
  #isScheduled = false
  #maxInFlight: number
  readonly #inFlight = new Set<Promise<void>>()
  #calls = 0
  #batchedCalls = 0
  #leastMs = Infinity

  constructor(options: GatherOptions<Item, Answer>) {
    this.#options = options
    this.#maxInFlight = options.isBounded ? maxInFlightWhenNear : Infinity
  }

  /** How many calls carried more than one item. */
  get batchedCalls(): number {
    return this.#batchedCalls
  }

  /** @param size about how many characters the item has */
  push(item: Item, size: number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#pending.push({ item, size, resolve, reject })
    // Redis begins while this process gathers more.
    if (!this.#options.isBounded && this.#pending.length === this.#options.maxItems) this.#sendSome()
    else if (!this.#isScheduled && this.#inFlight.size < this.#maxInFlight) {
      this.#isScheduled = true
      this.#options.schedule(() => {
        this.#isScheduled = false
        this.#sendWhileAllowed()
      })
    }
    return promise
  }

  /** Resolves when nothing is pending or under way. */
  async settle(): Promise<void> {
    while (this.#pending.length + this.#inFlight.size > 0) await this.flush()
  }

  /** Sends what was pushed, whatever is under way. Resolves when all that was sent until now is answered. */
  async flush(): Promise<void> {
    while (this.#pending.length > 0) this.#sendSome()
    await Promise.all(this.#inFlight)
  }

  #sendWhileAllowed(): void {
    while (this.#pending.length > 0 && this.#inFlight.size < this.#maxInFlight) this.#sendSome()
  }

  #sendSome(): void {
    const call: Promise<void> = this.#call(this.#pending.splice(0, this.#countOfNext())).finally(() => {
      this.#inFlight.delete(call)
      this.#sendWhileAllowed()
    })
    this.#inFlight.add(call)
  }

  /** Never rejects. */
  async #call(some: Pending<Item, Answer>[]): Promise<void> {
    if (some.length > 1) this.#batchedCalls += 1
    const sentAt = performance.now()
    try {
      const answers = await this.#options.send(some.map(({ item }) => item))
      if (this.#options.isBounded) this.#adapt(performance.now() - sentAt)
      for (const [n, { resolve, reject }] of some.entries()) {
        const answer = answers[n]
        if (answer === undefined) reject(new TypeError('an answer is missing'))
        else if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of some) reject(error)
    }
  }

  #countOfNext(): number {
    let count = 0
    let size = 0
    for (const pending of this.#pending) {
      size += pending.size
      if (count === this.#options.maxItems || (count > 0 && size > maxSize)) break
      count += 1
    }
    return count
  }

  #adapt(tookMs: number): void {
    this.#leastMs = Math.min(this.#leastMs, tookMs)
    this.#calls += 1
    if (this.#calls % callsPerLook !== 0) return
    this.#maxInFlight = this.#leastMs < farMs ? maxInFlightWhenNear : maxInFlightWhenFar
    this.#leastMs = Infinity
  }
}
