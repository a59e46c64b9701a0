import { pino } from 'pino'
import { connectRedis, type Redis } from '../../src/queue/connection.ts'
import { Keys } from '../../src/queue/keys.ts'
import { appendEntry } from './ledger-file.ts'

/** Shorter than a connection waits for an answer. */
const blockMs = 5000

/**
 * Writes down each end that the queues themselves store, from BullMQ's event streams: a job that ended twice between two looks
 * of a client shows here. Survives a restart of Redis. The streams keep about a hundred entries, so an end may be missed.
 *
 * Returns its stop.
 */
export async function recordStoredEnds(options: {
  url: string
  prefix: string
  queues: string[]
  ledger: string
}): Promise<() => Promise<void>> {
  const { url, prefix, queues, ledger } = options
  const log = pino({ level: 'silent' })
  const keys = new Keys(prefix)
  const stop = new AbortController()

  const follow = async (redis: Redis, stream: string): Promise<void> => {
    let seen = '0-0'
    while (!stop.signal.aborted) {
      const reply = await redis.xread('BLOCK', blockMs, 'STREAMS', stream, seen)
      for (const [entry, fields] of reply?.[0]?.[1] ?? []) {
        seen = entry
        recordEnd(fields, ledger)
      }
    }
  }
  // One for each queue: in a cluster they may be on different nodes.
  const opened = await Promise.all(queues.map(() => connectRedis({ url, role: 'worker', name: 'ledger', log })))
  const followed = opened.map((redis, nth) =>
    follow(redis, keys.bull(queues[nth] ?? '', 'events')).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
    }),
  )
  return async () => {
    stop.abort()
    for (const redis of opened) redis.disconnect()
    await Promise.all(followed)
  }
}

function recordEnd(fields: readonly string[], ledger: string): void {
  const value = (name: string) => fields[fields.indexOf(name) + 1] ?? ''
  const end = value('event')
  if (end === 'completed' || end === 'failed') {
    appendEntry(ledger, { kind: 'stored', id: value('jobId'), at: Date.now(), end })
  }
}
