/** The interval has so many steps. */
const steps = 60

/**
 * Calls `act` once every `everyMs` for each member, a few members at a time: all of thousands at once would block the event loop.
 * The first call for a member comes within `everyMs`.
 */
export class StaggeredInterval<T> {
  readonly #timer: NodeJS.Timeout
  readonly #members = Array.from({ length: steps }, () => new Set<T>())
  #added = 0
  #step = 0

  /** Runs until {@link stop}. */
  constructor(everyMs: number, act: (member: T) => void) {
    this.#timer = setInterval(() => {
      this.#step = (this.#step + 1) % steps
      for (const member of this.#members[this.#step] ?? []) act(member)
    }, everyMs / steps)
  }

  /** Adds a member. @returns a function that removes it, and tells whether it was still there */
  add(member: T): () => boolean {
    this.#added = (this.#added + 1) % steps
    const members = this.#members[this.#added]
    members?.add(member)
    return () => members?.delete(member) ?? false
  }

  *[Symbol.iterator](): Generator<T> {
    for (const members of this.#members) yield* members
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
