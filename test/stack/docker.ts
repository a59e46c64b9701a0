import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { dockerAnswers } from '../../src/dev/find-redis.ts'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url)

/** The Compose that is here, as a command line: v2 where there are both. COMPOSE names another. */
const compose = (process.env['COMPOSE'] ? [process.env['COMPOSE']] : ['docker compose', 'docker-compose'])
  .map((text) => text.split(' '))
  .find(([command = 'false', ...words]) => spawnSync(command, [...words, 'version'], { stdio: 'ignore' }).status === 0)

/** Why containers cannot be run here; undefined where they can. */
export const noDocker = !dockerAnswers()
  ? 'no Docker engine answers'
  : compose === undefined
    ? 'there is no docker compose'
    : undefined

/** The standard output of a command. @throws with all of its output if it fails */
export async function say(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; withinMs?: number } = {},
): Promise<string> {
  const { env, withinMs = 60_000 } = options
  const settings = { cwd: root, env: { ...process.env, ...env }, timeout: withinMs, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await run(command, args, settings)
  return stdout.trim()
}

export const docker = (...args: string[]): Promise<string> => say('docker', args)

/** The lines of an answer, none where it is empty. */
export const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

export async function runCompose(args: readonly string[], env: Record<string, string>): Promise<string> {
  const [command, ...words] = compose ?? []
  if (command === undefined) throw new Error(noDocker)
  return say(command, [...words, ...args], { env, withinMs: 540_000 })
}
