import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, relative } from 'node:path'
import { isPackage } from '../module-path.ts'
import { dockerAnswers, findRedisServer, redisImage } from './find-redis.ts'
import { answerToPing, launchRedis, type RedisProcess, redisCommand, storage } from './redis-process.ts'

/** The Redis that `npm start` starts, with its data in a folder. */
export interface LocalRedis {
  /** For people: the server, and where its data is. */
  description: string
  launch: () => RedisProcess
}

/** No Redis can be started here. `reason` is for people. */
export interface NoLocalRedis {
  reason: string
}

/**
 * Finds a way to run a Redis that keeps its data in `dataDir` and listens on `port`: an installed server, else `image` in Docker. Does
 * not start it.
 */
export async function planLocalRedis(
  dataDir: string,
  port: number,
  image: string = redisImage,
): Promise<LocalRedis | NoLocalRedis> {
  mkdirSync(dataDir, { recursive: true })
  const folder = relative(process.cwd(), dataDir)
  // Two servers that append to one file would destroy it. A socket in the folder shows whether a server runs. Its path is
  // relative on both sides (Redis changes into its folder), since systems limit the path of a socket to about 100 bytes.
  const socket = join(folder, socketName)
  if ((await answerToPing(socket)) !== undefined) {
    return {
      reason: `${folder}/ is in use: a Redis answers at ${socket}. Is another "npm start" or "drover dev" running, or still stopping?`,
    }
  }
  const installed = findRedisServer()
  if (installed === undefined) return dockerAnswers() ? planContainer(dataDir, port, image) : { reason: missing }

  const { command, version } = installed
  const commandLine = redisCommand({
    command,
    port,
    dir: dataDir,
    appendOnly: true,
    more: ['--unixsocket', socketName],
  })
  return { description: `${command} ${version}, data in ${folder}/`, launch: () => launchRedis(commandLine, port) }
}

const socketName = 'redis.sock'

const remedy = isPackage
  ? 'Install redis-server (apt-get install redis-server, brew install redis), start Docker'
  : 'Run "node scripts/setup.mjs --redis" to install Redis'
const missing = `found neither redis-server nor valkey-server (7.0 or later) nor a Docker engine. ${remedy}, or set REDIS_URL`

function planContainer(dataDir: string, port: number, image: string): LocalRedis {
  // The name follows from the folder: Docker refuses a second container of that name, so two servers never share a file.
  const name = `drover-redis-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`
  const { uid, gid } = userInfo()
  const options = `--rm --name ${name} --user ${uid}:${gid} --publish 127.0.0.1:${port}:6379`.split(' ')
  const volume = `${dataDir}:/data`
  // Inside the container every client has a foreign address; from outside only this machine reaches the port.
  const server = ['redis-server', '--protected-mode', 'no', ...storage(true)]
  const commandLine = ['docker', 'run', ...options, '--volume', volume, image, ...server]
  const [tag] = image.split('@')
  return { description: `${tag} in Docker, data in ${dataDir}`, launch: () => launchRedis(commandLine, port) }
}
