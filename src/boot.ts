import { setFlagsFromString } from 'node:v8'
import { EnvironmentError } from './environment.ts'
import { freeMemoryWhenIdle } from './idle-memory.ts'
import { BrokenJobsError } from './jobs/registry.ts'
import { RedisUnreachableError } from './queue/redis/connection.ts'
import { RedisUnfitError } from './queue/redis/fitness.ts'

/**
 * Runs a process's main function. A mistake that the operator can fix (a variable, a job file, an unreachable Redis) is printed
 * on stderr, one line per mistake, and the process exits with code 1. Any other error is a fault and keeps its stack.
 */
export async function boot(role: string, main: () => Promise<void>): Promise<void> {
  leaveThreadsTheirLimits()
  try {
    await main()
    freeMemoryWhenIdle()
  } catch (error) {
    const isMistake =
      error instanceof EnvironmentError ||
      error instanceof BrokenJobsError ||
      error instanceof RedisUnreachableError ||
      error instanceof RedisUnfitError
    if (!isMistake) throw error
    for (const line of error.message.split('\n')) process.stderr.write(`drover ${role}: ${line}\n`)
    process.exit(1)
  }
}

/**
 * A heap limit on the command line or in NODE_OPTIONS holds for the main thread, but V8 would set it for each thread too, whatever the
 * `resourceLimits` of the thread say. The main thread has read it by now and keeps it.
 */
function leaveThreadsTheirLimits(): void {
  for (const flag of ['--max-old-space-size=0', '--max-semi-space-size=0']) setFlagsFromString(flag)
}
