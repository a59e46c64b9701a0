import { EnvironmentError } from './environment.ts'
import { BrokenJobsError } from './jobs/registry.ts'
import { RedisUnreachableError } from './queue/redis/connection.ts'

/**
 * Runs a process's main function. What the operator can mend (a variable, a job file, a Redis that is not there) is said in
 * plain lines on stderr, one per mistake, and ends the process with code 1; anything else is a fault and keeps its stack.
 */
export async function boot(role: string, main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    const mendable =
      error instanceof EnvironmentError || error instanceof BrokenJobsError || error instanceof RedisUnreachableError
    if (!mendable) throw error
    for (const line of error.message.split('\n')) process.stderr.write(`drover ${role}: ${line}\n`)
    process.exit(1)
  }
}
