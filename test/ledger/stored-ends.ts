import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { connectRedis, type Redis } from '../../src/queue/redis/connection.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { appendEntry } from './ledger-file.ts'

/** Shorter than the time after which a connection without answers is closed. */
const blockMs = 5000
const pollMs = 20
/** Clocks of workers may differ. */
const skewMs = 1000

/**
 * Records each end that the queues store: failures from BullMQ's event streams, which keep about a hundred entries, and successes
 * from the set of completed jobs, where a second success moves its job. This finds a job that ended twice between two reads of a
 * client. Survives a restart of Redis.
 *
 * Returns a function that stops it.
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
  const followSuccesses = async (redis: Redis, set: string): Promise<void> => {
    const seen = new Set<string>()
    let newest = 0
    while (!stop.signal.aborted) {
      const found = await redis.zrangebyscore(set, newest - skewMs, '+inf', 'WITHSCORES')
      for (let i = 0; i < found.length; i += 2) {
        const [id = '', score = ''] = [found[i], found[i + 1]]
        newest = Math.max(newest, Number(score))
        if (seen.has(`${id} ${score}`)) continue
        seen.add(`${id} ${score}`)
        appendEntry(ledger, { kind: 'stored', id, at: Date.now(), end: 'completed' })
      }
      await sleep(pollMs)
    }
  }
  // Two connections per queue, since one blocks. In a cluster the queues may be on different nodes.
  const open = () => connectRedis({ url, role: 'worker', name: 'ledger', log })
  const unlessStopped = (error: unknown) => {
    if (!stop.signal.aborted) throw error
  }
  const opened: Redis[] = []
  const followed: Promise<void>[] = []
  for (const queue of queues) {
    const [blocking, looking] = await Promise.all([open(), open()])
    opened.push(blocking, looking)
    followed.push(follow(blocking, keys.bull(queue, 'events')).catch(unlessStopped))
    followed.push(followSuccesses(looking, keys.bull(queue, 'completed')).catch(unlessStopped))
  }
  return async () => {
    stop.abort()
    for (const redis of opened) redis.disconnect()
    await Promise.all(followed)
  }
}

function recordEnd(fields: readonly string[], ledger: string): void {
  const value = (name: string) => fields[fields.indexOf(name) + 1] ?? ''
  const end = value('event')
  if (end === 'failed') appendEntry(ledger, { kind: 'stored', id: value('jobId'), at: Date.now(), end })
}
