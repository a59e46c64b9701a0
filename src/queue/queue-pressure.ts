import type { Redis } from './connection.ts'
import type { Keys } from './keys.ts'

/** Why a queue takes no more jobs: as many wait as may, or Redis has little memory left. */
export type Fullness = 'depth' | 'memory'

/** A queue is looked at again after so long; until then what was added since is counted here. */
const depthAgeMs = 100
const memoryAgeMs = 1000
/** An older look is no answer: whoever asks waits for the next. */
const staleMs = 1000
/** Beyond this share of `maxmemory` jobs are refused: Redis would soon refuse the renewal of locks, too, and running jobs would run twice. */
const memoryShare = 0.7

interface Look {
  at: number
  depth: number
  added: number
  memoryAt: number
  isShort: boolean
  looking: Promise<void> | undefined
}

const newLook = (): Look => ({ at: 0, depth: 0, added: 0, memoryAt: 0, isShort: false, looking: undefined })

/**
 * Says whether queues can take more. The answer comes from a look at most a tenth of a second old and costs no call of its own:
 * several API processes together may go over the limit by what they add in that time.
 */
export class QueuePressure {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #limit: number
  readonly #looks = new Map<string, Look>()

  constructor(deps: { redis: Redis; keys: Keys; depthLimit: number }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#limit = deps.depthLimit
  }

  /** Makes room for `count` jobs that are about to be added, or says why there is none. Never fails: an add will, if Redis is away. */
  async enter(queue: string, count: number): Promise<Fullness | undefined> {
    const look = this.#looks.get(queue) ?? newLook()
    this.#looks.set(queue, look)
    const age = Date.now() - look.at
    if (age > depthAgeMs) look.looking ??= this.#look(queue, look)
    if (age > staleMs) await look.looking
    if (look.isShort) return 'memory'
    if (look.depth + look.added + count > this.#limit) return 'depth'
    look.added += count
    return undefined
  }

  async #look(queue: string, look: Look): Promise<void> {
    const before = look.added
    try {
      const isMemoryDue = Date.now() - look.memoryAt > memoryAgeMs
      // In a cluster the parts of a pipeline go to the node that has its keys: so INFO is that of the queue's node.
      const asked = this.#redis
        .pipeline()
        .llen(this.#keys.bull(queue, 'wait'))
        .zcard(this.#keys.bull(queue, 'prioritized'))
        .zcard(this.#keys.bull(queue, 'delayed'))
      if (isMemoryDue) asked.info('memory')
      const [wait, prioritized, delayed, memory] = results(await asked.exec())
      look.depth = Number(wait) + Number(prioritized) + Number(delayed)
      // What was added while Redis answered may be in its answer or not.
      look.added -= before
      if (typeof memory === 'string') Object.assign(look, { memoryAt: Date.now(), isShort: isShort(memory) })
    } catch {
      // The jobs themselves cannot be added either, and that is said to whoever tries.
      look.added -= before
    } finally {
      look.at = Date.now()
      look.looking = undefined
    }
  }
}

/** https://redis.io/docs/latest/commands/info/ : without a `maxmemory` there is nothing to be short of. */
function isShort(info: string): boolean {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const most = value('maxmemory')
  return most > 0 && value('used_memory') > most * memoryShare
}

/** @throws what the first part that failed was answered */
function results(replies: [error: Error | null, result: unknown][] | null): unknown[] {
  return (replies ?? []).map(([error, result]) => {
    if (error) throw error
    return result
  })
}
