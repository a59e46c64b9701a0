import { setTimeout as delay } from 'node:timers/promises'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'

const retryEveryMs = 1000

/** Repeats `read` while Redis is away. Undefined when nobody waits for the answer any more. */
export async function readWhenAvailable<T>(read: () => Promise<T>, isLeft: () => boolean): Promise<T | undefined> {
  while (!isLeft()) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof QueueUnavailableError)) throw error
      await delay(retryEveryMs)
    }
  }
  return undefined
}
