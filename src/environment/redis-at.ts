import { addPassword } from '../queue/redis/redis-address.ts'

/** How to reach the Redis of the settings, for `connectRedis`. */
export function redisAt(config: {
  REDIS_URL: string
  REDIS_PASSWORD?: string | undefined
  REDIS_CA_FILE?: string | undefined
  REDIS_COMMAND_TIMEOUT_MS: number
}) {
  return {
    url: addPassword(config.REDIS_URL, config.REDIS_PASSWORD),
    ca: config.REDIS_CA_FILE,
    commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS,
  }
}
