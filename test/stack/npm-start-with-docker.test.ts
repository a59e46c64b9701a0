import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { redisImage } from '../../src/dev/find-redis.ts'
import { read, submit } from '../helpers/client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { docker, lines, noDocker, output } from './docker.ts'

const root = join(import.meta.dirname, '../..')

/** A separate checkout, since `npm start` stores its data there, and a PATH with Docker and without a Redis server. */
async function checkout() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-checkout-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const part of ['src', 'package.json']) await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const bin = join(folder, 'bin')
  await mkdir(bin)
  for (const command of ['docker', 'sh']) {
    await symlink(await output('sh', ['-c', `command -v ${command}`]), join(bin, command))
  }
  return { folder, bin }
}

/** Runs what `npm start` runs. Resolves when it prints that it is ready. */
async function start({ folder, bin, image }: Awaited<ReturnType<typeof checkout>> & { image: string }) {
  const env = {
    PATH: bin,
    HOME: process.env['HOME'],
    PORT: '0',
    DOCKER_HOST: process.env['DOCKER_HOST'],
    REDIS_IMAGE: image,
  }
  const child = spawn(process.execPath, ['src/dev.ts'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const printed: string[] = []
  createInterface(child.stdout).on('line', (line) => printed.push(line))
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const isReady = (text: string): boolean => text.includes('ready on ')
  const [line = ''] = await waitFor(
    'ready',
    () => printed.filter(isReady),
    ({ length }) => length > 0,
    { withinMs: 60_000 },
  )
  return { child, ended, line, url: /http:\/\/[^ ]+/.exec(line)?.[0] ?? '' }
}

const containers = async (folder: string): Promise<string[]> =>
  lines(await docker('ps', '--all', '--quiet', '--filter', `volume=${join(folder, 'data')}`))

test.skipIf(noDocker !== undefined)(
  'npm start runs Redis in Docker if no server is installed, and keeps its data',
  async () => {
    const image = await output('scripts/base-images.sh', [redisImage], { withinMs: 110_000 })
    const place = { ...(await checkout()), image }

    const first = await start(place)
    expect(first.line).toContain(`Redis: ${image.split('@', 1)[0]} in Docker, data in ${join(place.folder, 'data')}`)
    expect(await containers(place.folder)).toHaveLength(1)
    const { body } = await submit(first.url, 'count-primes', { limit: 1000 }, { waitS: 20 })
    expect(body).toMatchObject({ state: 'succeeded', output: { count: 168 } })
    first.child.kill('SIGINT')
    expect(await first.ended).toBe(0)
    expect(await containers(place.folder)).toEqual([])

    const second = await start(place)
    expect((await read(second.url, body.id)).body).toMatchObject({ state: 'succeeded', output: { count: 168 } })
    second.child.kill('SIGKILL')
    const none = ({ length }: string[]): boolean => length === 0
    await waitFor('the end of its Redis', () => containers(place.folder), none, { withinMs: 30_000, everyMs: 100 })
  },
)
