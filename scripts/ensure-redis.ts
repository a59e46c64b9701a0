import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { dockerAnswers, findRedisServer, unpackedRedis } from '../src/dev/find-redis.ts'
import { unpackRedis } from './redis/unpack-redis.ts'

// Ensures that `npm start` and the tests can start a Redis server. Exit code 1 if that is impossible.

/** The commands of each package manager, tried in order until a server is installed. */
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
if (!(isGiven || findRedisServer() || dockerAnswers() || install() || fetchFromDebian())) {
  console.error(
    'setup: found no Redis server: install redis-server or valkey-server (7.0 or later), or start Docker, or set REDIS_URL',
  )
  process.exitCode = 1
}

function install(): boolean {
  const installer = findInstaller()
  if (installer === undefined) return false
  const [name, command] = installer
  console.log(
    `setup: installing redis-server with ${name}: Drover stores jobs in Redis, and this machine has neither a server nor a Docker engine`,
  )
  console.log(
    'setup: (the package may start a service on port 6379, which Drover does not use; set REDIS_URL to use another Redis)',
  )
  for (const args of installers[name]) {
    const [program = name, ...rest] = [...command, ...args]
    spawnSync(program, rest, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
    if (findRedisServer()) return true
  }
  return false
}

/** Without the right to install: on Debian and Ubuntu the packages are unpacked into the checkout. */
function fetchFromDebian(): boolean {
  if (!works('apt-get', ['--version']) || !works('dpkg', ['--version'])) return false
  console.log(
    `setup: unpacking redis-server from the packages of this system into ${relative(process.cwd(), unpackedRedis)}/`,
  )
  return unpackRedis(unpackedRedis) && findRedisServer() !== undefined
}

/** The package manager that can install without a password, and its command. */
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
