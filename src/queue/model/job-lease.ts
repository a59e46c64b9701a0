/** The hold that a worker has on a job. */
export interface JobLease {
  /** The last proof that the lock is held, as `monotonicMs` counts. */
  heldSince: number
  /** Redis has refused to renew it, or it was given up: nobody renews it any more. */
  readonly isGone: boolean
  /** Another thread renews it, too. */
  readonly isProtected: boolean
  /** Says to the other thread whether its job is being started: until its first wait it is what keeps the event loop busy. */
  markStarting(isStarting: boolean): void
  /** Nobody renews it from now on; the lock expires, unless the job ends before. */
  giveUp(): void
  /** The job is settled, or not ours. The lock itself ends with the job. Harmless when repeated. */
  release(): void
}

/** A lease that only the main thread renews. */
export class UnprotectedLease implements JobLease {
  readonly isProtected = false
  heldSince: number
  #isGone = false

  constructor(heldSince: number) {
    this.heldSince = heldSince
  }

  get isGone(): boolean {
    return this.#isGone
  }

  markStarting(): void {}

  giveUp(): void {
    this.#isGone = true
  }

  release(): void {
    this.#isGone = true
  }
}
