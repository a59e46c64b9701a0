import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { isTooOld } from '../queue/redis/server-version.ts'

/** A Redis server that is installed on this machine. */
export interface InstalledRedis {
  /** The program: its path, or its name in PATH. */
  command: string
  version: string
}

/** Valkey has the same protocol and options. */
const commands = ['redis-server', 'valkey-server']

/** Started where there is a Docker engine and no server. docker-compose.yml names the same image. */
export const redisImage =
  'redis:7.4.11-bookworm@sha256:c6eabf748fc7a61dbb5a705c78bcf3d6377b1127a97d0ce965c11c44ba46896f'

/** Where `npm run setup` unpacks a Redis that it cannot install. */
export const unpackedRedis = join(import.meta.dirname, '../../.cache/redis')

/** The first Redis or Valkey server that is recent enough: on PATH, else the one that was unpacked. `among`: programs to look for. */
export function findRedisServer(
  among: readonly string[] = [...commands, join(unpackedRedis, 'redis-server')],
): InstalledRedis | undefined {
  for (const command of among) {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 5000 })
    // "Redis server v=7.0.15 sha=…"; stdout is null if the command does not exist.
    const [, version] = /\bv=(\d+\.[\d.]+)/.exec(stdout ?? '') ?? []
    if (version !== undefined && !isTooOld(version)) return { command, version }
  }
  return undefined
}

/** Whether a Docker engine answers. The client alone cannot run containers. */
export function dockerAnswers(): boolean {
  const asked = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5000, stdio: 'ignore' })
  return asked.status === 0
}
