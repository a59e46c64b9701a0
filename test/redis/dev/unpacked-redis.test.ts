import { spawn, spawnSync } from 'node:child_process'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../../src/dev/free-ports.ts'
import { launchRedis, redisCommand } from '../../../src/dev/redis-process.ts'
import { untilReady } from '../../../src/dev/running.ts'

const root = join(import.meta.dirname, '../../..')
const hasPackages = spawnSync('apt-get', ['download', '--print-uris', 'redis-server'], { stdio: 'ignore' }).status === 0
const isRoot = process.getuid?.() === 0
/** An ordinary user: nobody of Debian, or the one that runs this. */
const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}

/** A checkout in which only setup is needed, and a PATH with the programs of this system except Redis servers, Docker and sudo. */
async function checkout(): Promise<{ folder: string; bin: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-checkout-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const part of ['src', 'scripts', 'package.json'])
    await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const bin = join(folder, 'bin')
  await mkdir(bin)
  for (const name of await readdir('/usr/bin')) {
    if (!/^(redis|valkey|docker|sudo)/.test(name)) await symlink(join('/usr/bin', name), join(bin, name))
  }
  await chmod(folder, 0o755)
  if (isRoot) await chown(folder, 65_534, 65_534)
  return { folder, bin }
}

test.skipIf(!hasPackages)(
  'an ordinary user without a server and without Docker gets a Redis in the checkout, which runs',
  async () => {
    const { folder, bin } = await checkout()
    const setup = (): Promise<[string, number | null]> => {
      const child = spawn(process.execPath, ['scripts/ensure-redis.ts'], {
        cwd: folder,
        env: { PATH: bin, HOME: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
        ...user,
      })
      return Promise.all([text(child.stdout), new Promise<number | null>((resolve) => child.once('close', resolve))])
    }
    const [printed, code] = await setup()
    expect(printed).toContain('setup: unpacking redis-server from the packages of this system into .cache/redis/')
    expect(code).toBe(0)
    expect(await readdir(join(folder, '.cache'))).toEqual(['redis'])
    expect(await setup()).toEqual(['', 0])

    const [port = 0] = await freePorts(1)
    const command = join(folder, '.cache/redis/redis-server')
    const server = launchRedis(redisCommand({ command, port, dir: folder, appendOnly: false }), port)
    onTestFinished(() => server.stop(2000))
    await untilReady(server, { name: 'the unpacked Redis', withinMs: 10_000 })
  },
  120_000,
)
