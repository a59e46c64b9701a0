import { z } from 'zod'
import type { JobRef } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { decodeEvent, valueEvent, type WiredEvent } from './announcement.ts'

const readScript = loadScript('events/read-events')

/** What one call reads: so many progress events and log lines, so many values, and so many bytes unless one event has more. */
const pageSize = 100
const pageBytes = 262_144

/** Stored events of a job and its values, in the order of their ids. */
export interface EventPage {
  /** How many progress events and log lines before them are not stored any more. */
  missed: number
  /** The id of the last of these. */
  missedTo: number
  events: WiredEvent[]
  isLast: boolean
}

const replySchema = z.tuple([z.number(), z.number(), z.number(), z.number()]).rest(z.union([z.string(), z.number()]))

/**
 * Reads the next events of a job.
 *
 * @param place `after`: the id of the last event that the reader has. `gapTo`: up to which id it knows what it has missed
 * @throws QueueUnavailableError
 */
export async function readEvents(
  { redis, keys }: { redis: Redis; keys: Keys },
  ref: JobRef,
  { after, gapTo }: { after: number; gapTo: number },
): Promise<EventPage> {
  const names = [keys.job(ref), keys.events(ref), keys.values(ref)]
  const reply = await whenAvailable(readScript(redis, names, [after, gapTo, pageSize, pageBytes]))
  const [missed, missedTo, list, more, ...fields] = replySchema.parse(reply)
  const events: WiredEvent[] = []
  for (let n = 0; n + 2 < fields.length; n += 3) {
    const [id, text, number] = [Number(fields[n]), String(fields[n + 1]), Number(fields[n + 2])]
    events.push(number === 0 ? decodeEvent(id, text) : valueEvent(id, text, number - 1, list))
  }
  return { missed, missedTo, events, isLast: more === 0 }
}
