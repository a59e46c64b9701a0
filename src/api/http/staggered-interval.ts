/** So many steps has a round. */
const steps = 60

/**
 * Calls `act` once in `everyMs` for each member, a few at a time: for thousands at once it would hold up all else. The first time comes
 * within `everyMs`.
 */
export class Rounds<T> {
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

  /** Adds a member. @returns takes it out, and says whether it was in */
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
