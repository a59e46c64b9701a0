import { spawnSync } from 'node:child_process'
import { isTooOld } from '../queue/redis/server-version.ts'

/** A Redis server that is installed on this machine. */
export interface InstalledRedis {
  /** The program, found through PATH. */
  command: string
  version: string
}

/** Valkey has the same protocol and options. */
const commands = ['redis-server', 'valkey-server']

/** Started where there is a Docker engine and no server. docker-compose.yml names the same image. */
export const redisImage =
  'redis:7.4.11-bookworm@sha256:c6eabf748fc7a61dbb5a705c78bcf3d6377b1127a97d0ce965c11c44ba46896f'

/** The first Redis or Valkey server on PATH that is recent enough. */
export function findRedisServer(): InstalledRedis | undefined {
  for (const command of commands) {
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
