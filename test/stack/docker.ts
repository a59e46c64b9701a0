import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { dockerAnswers } from '../../src/dev/find-redis.ts'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url)

/** The command of Compose: v2 if both are installed. COMPOSE names another. */
const compose = (process.env['COMPOSE'] ? [process.env['COMPOSE']] : ['docker compose', 'docker-compose'])
  .map((text) => text.split(' '))
  .find(([command = 'false', ...words]) => spawnSync(command, [...words, 'version'], { stdio: 'ignore' }).status === 0)

/** The reason why containers cannot run here, or undefined. */
export const noDocker = !dockerAnswers()
  ? 'no Docker engine answers'
  : compose === undefined
    ? 'there is no docker compose'
    : undefined

/** The standard output of a command. @throws with its whole output if it fails */
export async function output(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; withinMs?: number } = {},
): Promise<string> {
  const { env, withinMs = 60_000 } = options
  const settings = { cwd: root, env: { ...process.env, ...env }, timeout: withinMs, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await run(command, args, settings)
  return stdout.trim()
}

export const docker = (...args: string[]): Promise<string> => output('docker', args)

/** The lines of an output; none if it is empty. */
export const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

export async function runCompose(args: readonly string[], env: Record<string, string>): Promise<string> {
  const [command, ...words] = compose ?? []
  if (command === undefined) throw new Error(noDocker)
  return output(command, [...words, ...args], { env, withinMs: 540_000 })
}
