import { spawnSync } from 'node:child_process'
import { dockerAnswers, findRedisServer } from '../src/dev/find-redis.ts'

// Sees to it that a Redis server can be started here, for `npm start` and the tests; exit code 1 where it cannot.

/** What an installer is given, one after the other until there is a server. */
const installers = {
  'apt-get': [
    ['install', '-y', '--no-install-recommends', 'redis-server'],
    ['update'],
    ['install', '-y', '--no-install-recommends', 'redis-server'],
    ['install', '-y', '--no-install-recommends', 'valkey-server'],
  ],
  brew: [['install', 'redis']],
}

const isGiven = process.env['REDIS_URL'] || process.env['REDIS_URL_FILE']
if (!(isGiven || findRedisServer() || dockerAnswers() || install())) {
  console.error(
    'setup: no Redis server: install redis-server or valkey-server (7.0 or later), or start Docker, or set REDIS_URL to one that runs',
  )
  process.exitCode = 1
}

function install(): boolean {
  const installer = findInstaller()
  if (installer === undefined) return false
  const [name, command] = installer
  console.log(
    `setup: installing redis-server with ${name}: Drover keeps its jobs in Redis, and there is neither a server nor a Docker engine here`,
  )
  console.log(
    'setup: (its package may start a service on port 6379, which Drover leaves alone; to use a Redis of yours, set REDIS_URL)',
  )
  for (const args of installers[name]) {
    const [program = name, ...rest] = [...command, ...args]
    spawnSync(program, rest, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
    if (findRedisServer()) return true
  }
  return false
}

/** The package manager that may install without asking anybody, and how to call it. */
function findInstaller(): ['apt-get' | 'brew', string[]] | undefined {
  if (works('apt-get', ['--version'])) {
    if (process.getuid?.() === 0) return ['apt-get', ['apt-get']]
    if (works('sudo', ['-n', 'true'])) return ['apt-get', ['sudo', '-n', 'apt-get']]
  }
  return works('brew', ['--version']) ? ['brew', ['brew']] : undefined
}

function works(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
