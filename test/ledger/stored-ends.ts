import { Redis } from 'ioredis'
import { Keys } from '../../src/queue/keys.ts'
import { appendEntry } from './ledger-file.ts'

/**
 * Writes down each end that the queues themselves store, from BullMQ's event streams: a job that ended twice between two looks
 * of a client shows here. Survives a restart of Redis. The streams keep about a hundred entries, so an end may be missed.
 *
 * Returns its stop.
 */
export function recordStoredEnds(options: {
  url: string
  prefix: string
  queues: string[]
  ledger: string
}): () => Promise<void> {
  const { url, prefix, queues, ledger } = options
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  // Expected while a test takes Redis away.
  redis.on('error', () => {})
  const keys = new Keys(prefix)
  const seen = new Map(queues.map((queue) => [keys.bull(queue, 'events'), '0-0']))
  const stop = new AbortController()

  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const reply = await redis.xread('BLOCK', 0, 'STREAMS', ...seen.keys(), ...seen.values())
      for (const [stream, entries] of reply ?? []) {
        for (const [entry, fields] of entries) {
          seen.set(stream, entry)
          recordEnd(fields, ledger)
        }
      }
    }
  }
  const followed = follow().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return async () => {
    stop.abort()
    redis.disconnect()
    await followed
  }
}

function recordEnd(fields: readonly string[], ledger: string): void {
  const value = (name: string) => fields[fields.indexOf(name) + 1] ?? ''
  const end = value('event')
  if (end === 'completed' || end === 'failed') {
    appendEntry(ledger, { kind: 'stored', id: value('jobId'), at: Date.now(), end })
  }
}
