import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from './connection.ts'

/** Runs one of the Lua files beside this one, all of whose keys belong to one queue. */
export type Script = (redis: Redis, keys: string[], args: (string | number | Buffer)[]) => Promise<unknown>

const read = (name: string) => readFileSync(join(import.meta.dirname, '../scripts', `${name}.lua`), 'utf8')

/**
 * Loads `scripts/<name>.lua`, behind the functions of the files that it names. Called by digest; ioredis sends the text again when a server does not know it
 * (https://redis.io/docs/latest/develop/programmability/eval-intro/#evalsha-context-during-pipelining).
 */
export function loadScript(name: string, ...functions: string[]): Script {
  const lua = [...functions, name].map(read).join('')
  const command = `drover_${name.replaceAll('-', '_')}`
  const defined = new WeakSet<Redis>()
  return (redis, keys, args) => {
    if (!defined.has(redis)) {
      redis.defineCommand(command, { lua })
      defined.add(redis)
    }
    const call: unknown = Reflect.get(redis, command)
    if (typeof call !== 'function') throw new TypeError(`${command} is not defined`)
    return Promise.resolve(Reflect.apply(call, redis, [keys.length, ...keys, ...args]))
  }
}
