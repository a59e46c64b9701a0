import { parseJson } from '../model/parse-json.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const exchangeJobs = loadScript('bullmq/complete-and-fetch')

/** A message with a job in it, in bytes: Redis closes connections to which it owes more than some MB of messages. */
const mostMessageBytes = 16_384
/** What jobs taken in one call bring with them, but for the last of them. */
const mostTakenBytes = 1024 * 1024

/** A job as it was when it was taken; what BullMQ counts and keeps of it is there under our names. */
export interface TakenJob {
  id: string
  type: string
  /** As stored; undefined when that is no JSON. */
  data: unknown
  /** How many characters it has. */
  dataLength: number
  /** BullMQ's, whole; read here are how many attempts it has, and the delay in ms with which it was added. */
  options: { attempts?: number; delay?: number }
  /** The lock that its worker holds. */
  token: string
  /** Epoch ms at which Redis's answer was read: its lock was set before. Not when the call was sent, which may have waited for Redis for longer than a lock lives. */
  takenAt: number
  createdAt: number
  /** How often it was taken by a worker, this time included; how many attempts have ended; how often its worker vanished. */
  starts: number
  attemptsMade: number
  stalls: number
  /** It is to fail with this, unrun. */
  deferredFailure: string | undefined
  /** BullMQ's list of stack traces, as JSON. */
  traces: string | undefined
  /** The channel of the API process that waits for its end. */
  waiter: string | undefined
}

/** A job that its worker has run with success. `output` is JSON. */
export interface JobSuccess {
  id: string
  token: string
  attempt: number
  output: string
  /** The flow that it belongs to; the channel of who waits for it. */
  flow: string | undefined
  waiter: string | undefined
  /** How many characters its record and its output have. */
  length: number
}

/** What became of a success: it counts; the job had ended before; the job is not this worker's any more. */
export type Acknowledged = 'ended' | 'over' | 'lost'

export interface Exchanged {
  /** In the order of the successes. */
  acknowledged: Acknowledged[]
  taken: TakenJob[]
  /** More could be taken; false, too, when none were asked for, and while the queue is paused or at its limit. */
  isMore: boolean
  /** When the next delayed job is due, in epoch ms; known when jobs were asked for and none is left that could be taken. */
  nextDueAt: number | undefined
}

/**
 * Ends jobs of a queue and takes others, in one call: all at one moment, so that no job is ended without its watchers being told, nor taken
 * without a lock.
 *
 * @param asked `token` becomes the lock of what is taken, for `lockMs`.
 */
export async function exchange(
  { redis, keys }: { redis: Redis; keys: Keys },
  queue: string,
  successes: readonly JobSuccess[],
  asked: { most: number; token: string; lockMs: number; workerName: string },
): Promise<Exchanged> {
  const { most, token, lockMs, workerName } = asked
  const said = [Date.now(), mostMessageBytes, redis.isCluster ? 'cluster' : '', keys.flowHints]
  const args = [keys.bull(queue, ''), ...said, most, mostTakenBytes, token, lockMs, workerName]
  for (const { id, token: held, attempt, output, flow = '', waiter = '', length } of successes)
    args.push(id, held, attempt, output, flow, waiter, length)
  const reply = await exchangeJobs(redis, namesOf(keys, queue), args)
  if (!isExchangeReply(reply)) throw new TypeError('complete-and-fetch.lua has answered something else')
  const [refused, taken, isMore, nextDueAt] = reply
  const acknowledged = successes.map((): Acknowledged => 'ended')
  for (let i = 0; i < refused.length; i += 2)
    acknowledged[Number(refused[i])] = refused[i + 1] === 'over' ? 'over' : 'lost'
  const takenAt = Date.now()
  return {
    acknowledged,
    taken: taken.map((fields) => decodeTaken(fields, token, takenAt)),
    isMore: isMore === 1,
    nextDueAt: nextDueAt === null ? undefined : Number(nextDueAt),
  }
}

function namesOf(keys: Keys, queue: string): string[] {
  const sets = ['active', 'stalled', 'completed', 'wait', 'prioritized', 'delayed', 'pc', 'marker', 'meta']
  return sets.map((set) => keys.bull(queue, set))
}

type TakenFields = [
  id: string,
  starts: number,
  type: string,
  data: string,
  options: string,
  createdAt: string,
  attemptsMade: string | null,
  stalls: string | null,
  deferredFailure: string | null,
  traces: string | null,
  waiter: string | null,
]

/** complete-and-fetch.lua promises this shape; Lua's false arrives as null. */
function isExchangeReply(reply: unknown): reply is [(number | string)[], TakenFields[], number, string | null] {
  return Array.isArray(reply) && reply.length >= 3
}

function decodeTaken(fields: TakenFields, token: string, takenAt: number): TakenJob {
  const [id, starts, type, data, options, createdAt, attemptsMade, stalls, deferredFailure, traces, waiter] = fields
  return {
    id,
    type,
    data: parseJson(data),
    dataLength: data.length,
    options: Object(parseJson(options)),
    token,
    takenAt,
    createdAt: Number(createdAt),
    starts,
    attemptsMade: Number(attemptsMade),
    stalls: Number(stalls),
    deferredFailure: deferredFailure ?? undefined,
    traces: traces ?? undefined,
    waiter: waiter ?? undefined,
  }
}
