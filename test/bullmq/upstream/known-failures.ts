/** A test of BullMQ's that fails, and why. */
export interface KnownFailure {
  /** The test's file, without its folder. */
  file: string
  /** The test's own name, without those of its suites. */
  test: string
  /** Over which backend; both where it is no matter of ours. */
  over: 'both' | 'ours'
  reason: string
}

/**
 * Found with BullMQ's tests of 6.2.0 over the installed 6.7.0. What fails over ours alone is described in docs/bullmq.md with what a user
 * notices of it.
 */
export const knownFailures: readonly KnownFailure[] = [
  {
    file: 'events.redis.test.ts',
    test: 'recovers via the readEvents watchdog',
    over: 'both',
    reason: 'its stand-in for a connection has no `status`, by which BullMQ 6.7.0 decides how to reset a stuck reader',
  },
  {
    file: 'worker.test.ts',
    test: 'should allow only retry a job once after it has reached the max attemptsStarted',
    over: 'both',
    reason:
      'BullMQ 6.7.0 fails a job for good once it was started `maxStartedAttempts` times, one start earlier than this test expects',
  },
]
