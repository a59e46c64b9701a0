import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/dev/free-ports.ts'
import { connectRedis } from '../../src/queue/redis/connection.ts'
import { send, submit } from '../helpers/client.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { spawnRole } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const isWaiting = ({ msg }: Record<string, unknown>): boolean => msg === 'waiting for Redis'

describe.skipIf(!canOwnRedis)('a boot without Redis', () => {
  test('waits, says so once, answers /livez meanwhile, and serves when Redis is there', {
    timeout: 90_000,
  }, async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    await redis.stop()
    const [port = 0, workerPort = 0] = await freePorts(2)
    const env = { REDIS_URL: redis.url, DIAGNOSTIC_JOBS: '1', PORT: String(port) }
    const api = spawnRole('api', env)
    const worker = spawnRole('worker', { ...env, WORKER_PORT: String(workerPort) })
    const url = `http://127.0.0.1:${port}`
    for (const one of [url, `http://127.0.0.1:${workerPort}`]) {
      const alive = await waitFor(
        '/livez',
        () => send('GET', `${one}/livez`).catch(() => undefined),
        (answer) => answer?.status === 200,
        { withinMs: 60_000 },
      )
      expect(alive?.body).toEqual({ status: 'ok' })
      const refused = await send('GET', `${one}/readyz`)
      expect(refused).toMatchObject({ status: 503, body: { code: 'queue_unavailable', instance: '/readyz' } })
      expect(refused.headers.get('retry-after')).toBe('1')
    }
    expect(await submit(url, 'echo', 1)).toMatchObject({ status: 503 })

    await redis.start()
    await Promise.all([api.ready, worker.ready])
    for (const { role } of [api, worker]) {
      const warnings = role.logs.filter(({ level }) => Number(level) >= 40)
      expect(warnings.filter(isWaiting)).toHaveLength(1)
      expect(warnings).toHaveLength(1)
    }
    const { body } = await submit(url, 'echo', 'after', { waitS: 10 })
    expect(body).toMatchObject({ state: 'succeeded', output: 'after' })
  })

  test('that is interrupted exits at once', async () => {
    const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', PORT: '0' })
    await waitFor(
      'the wait',
      () => role.logs.filter(isWaiting),
      ({ length }) => length === 1,
      { withinMs: 60_000 },
    )
    role.signal('SIGTERM')
    expect(await role.ended).toBe(0)
  })

  test('with a wrong password ends with one line, and with the right one it starts', { timeout: 120_000 }, async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const client = await connectRedis({ url: redis.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
    await client.config('SET', 'requirepass', 'se/cret')
    client.disconnect()
    for (const name of ['api', 'worker'] as const) {
      for (const password of ['wrong', '']) {
        const { role } = spawnRole(name, { REDIS_URL: redis.url, REDIS_PASSWORD: password })
        expect(await role.ended).toBe(1)
        expect(role.stderr).toEqual([expect.stringMatching(/: REDIS_URL: Redis cannot be used at redis:.* \(\w+ /)])
      }
      const { ready } = spawnRole(name, { REDIS_URL: redis.url, REDIS_PASSWORD: 'se/cret', PORT: '0' })
      await ready
    }
  })
})
