/** What is kept of a job that has ended in this process. */
export interface EndedJob {
  readonly type: string
  readonly token: string
  readonly attempt: number
  /** Its end was announced before it had ended. */
  readonly isEndUntold: boolean
}

/** How many are remembered at least; at most twice as many. */
const kept = 1000

/** The jobs that ended here last, by id, for a cancel that crosses their end and for a connection that was lost with the answer. */
export class EndedJobs {
  // Two maps that take turns: taking the oldest of one map away at each end costs a search past those taken before.
  #latest = new Map<string, EndedJob>()
  #earlier = new Map<string, EndedJob>()

  add(id: string, job: EndedJob): void {
    if (this.#latest.size >= kept) {
      this.#earlier = this.#latest
      this.#latest = new Map()
    }
    this.#latest.set(id, job)
  }

  get(id: string): EndedJob | undefined {
    return this.#latest.get(id) ?? this.#earlier.get(id)
  }

  ids(): Set<string> {
    return new Set([...this.#earlier.keys(), ...this.#latest.keys()])
  }

  /** The types of the last `count` that ended. */
  lastTypes(count: number): string[] {
    return [...this.#earlier.values(), ...this.#latest.values()].slice(-count).map(({ type }) => type)
  }
}
