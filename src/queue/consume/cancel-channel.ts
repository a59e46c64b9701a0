import type { Logger } from 'pino'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/**
 * Tells a worker of running jobs that are cancelled, and when it may have missed some: its connection was away, and is
 * subscribed again. The first subscription is made, or has failed and is tried again,
 * before this resolves.
 */
export function hearCancels(
  subscriber: Redis,
  options: {
    keys: Keys
    queues: Iterable<string>
    onCancel: (queue: string, id: string, token: string) => void
    onGap: () => void
    log: Logger
  },
): Promise<unknown> {
  const { keys, queues, onCancel, onGap, log } = options
  const queueOf = new Map([...queues].map((queue) => [keys.cancels(queue), queue]))
  subscriber.on('message', (channel: string, message: string) => {
    const queue = queueOf.get(channel)
    const [id = '', token = ''] = message.split(' ')
    if (queue !== undefined) onCancel(queue, id, token)
  })
  const onFailure = (error: unknown): void => {
    log.warn({ err: error }, 'not subscribed to cancels: once more on a new connection')
    subscriber.disconnect(true)
  }
  subscriber.on('ready', () => {
    subscriber.subscribe(...queueOf.keys()).then(onGap, onFailure)
  })
  return subscriber.subscribe(...queueOf.keys()).catch(onFailure)
}
