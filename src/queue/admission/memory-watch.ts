import type { Logger } from 'pino'
import type { Warning } from '../redis/warning.ts'
import { memoryShares, type RedisMemory } from './redis-memory.ts'

/** A warning ends this far below the share at which it began, so that it does not come and go. */
const hysteresis = 0.03

type Level = 'ok' | 'high' | 'full'

/** Reports when Redis is low on memory: in the log when that begins and ends, and among the warnings of `/readyz`. */
export class MemoryWatch {
  readonly #memory: RedisMemory
  readonly #log: Logger
  #level: Level = 'ok'

  constructor(deps: { memory: RedisMemory; log: Logger }) {
    this.#memory = deps.memory
    this.#log = deps.log
  }

  /** Looks at the last reading. */
  look(): void {
    const level = this.#levelNow()
    if (level === this.#level) return
    this.#level = level
    const { used, limit } = this.#memory.fullest
    const fields = { used_bytes: used, limit_bytes: limit }
    const [warning] = this.warnings()
    if (!warning) this.#log.info(fields, 'Redis has enough memory again')
    else if (level === 'full') this.#log.error({ ...fields, code: warning.code }, warning.detail)
    else this.#log.warn({ ...fields, code: warning.code }, warning.detail)
  }

  warnings(): Warning[] {
    const { used, limit } = this.#memory.fullest
    if (this.#level === 'ok') return []
    const figures = `Redis uses ${Math.round((used / limit) * 100)} % of its maxmemory`
    if (this.#level === 'full')
      return [{ code: 'redis_memory_full', detail: `${figures}: submissions are refused where no result can give way` }]
    return [{ code: 'redis_memory_high', detail: `${figures}: the oldest results give way before their time` }]
  }

  #levelNow(): Level {
    const { used, limit } = this.#memory.fullest
    if (limit === 0) return 'ok'
    const share = used / limit
    if (share > memoryShares.full || (this.#level === 'full' && share > memoryShares.full - hysteresis)) return 'full'
    return share > memoryShares.high || (this.#level !== 'ok' && share > memoryShares.high - hysteresis) ? 'high' : 'ok'
  }
}
