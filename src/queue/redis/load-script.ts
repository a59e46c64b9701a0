import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from './connection.ts'

/** Runs a Lua script. All its keys are in one cluster slot. */
export type Script = (redis: Redis, keys: string[], args: (string | number | Buffer)[]) => Promise<unknown>

/** `bullmq/add-jobs` is `src/queue/bullmq/lua/add-jobs.lua`. */
function readLua(name: string): string {
  const [folder = '', ...path] = name.split('/')
  return readFileSync(join(import.meta.dirname, '..', folder, 'lua', `${path.join('/')}.lua`), 'utf8')
}

/** The text of a script, preceded by the files that it names in lines like `-- include bullmq/lib/end-job`. */
function withIncludes(name: string): string {
  const lua = readLua(name)
  const includes = Array.from(lua.matchAll(/^-- include (\S+)$/gm), ([, included = '']) => readLua(included))
  return [...includes, lua].join('\n')
}

/**
 * Loads the script `<folder>/<name>` from `src/queue/<folder>/lua/<name>.lua` with the files that it includes. It is called by its digest;
 * ioredis sends the text when a server does not know it
 * (https://redis.io/docs/latest/develop/programmability/eval-intro/#evalsha-context-during-pipelining).
 */
export function loadScript(name: string): Script {
  const lua = withIncludes(name)
  const command = `drover_${name.replaceAll(/\W/g, '_')}`
  return (redis, keys, args) => {
    if (!Reflect.has(redis, command)) redis.defineCommand(command, { lua })
    const call: unknown = Reflect.get(redis, command)
    if (typeof call !== 'function') throw new TypeError(`${command} is not defined`)
    return Promise.resolve(Reflect.apply(call, redis, [keys.length, ...keys, ...args]))
  }
}
