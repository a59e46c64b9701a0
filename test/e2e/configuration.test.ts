import { expect, inject, test } from 'vitest'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { serve } from '../helpers/local-site.ts'
import { redisThatReports } from '../helpers/redis-that-reports.ts'
import { spawnRole } from '../helpers/stack.ts'

test('a bad environment stops the boot with one line for each mistake', async () => {
  const bad = {
    api: {
      env: { PORT: 'http', HOST: '0.0.0.0', LOG_LEVEL: 'loud', REDIS_URL: '', DIAGNOSTIC_JOBS: 'yes' },
      named: ['REDIS_URL: is required', 'PORT: ', 'LOG_LEVEL: ', 'DIAGNOSTIC_JOBS: must be 0 or 1'],
    },
    worker: {
      env: {
        REDIS_URL: 'http://x',
        WORKER_QUEUES: 'io,cpu:2',
        SHUTDOWN_GRACE_MS: '-1',
        EGRESS_ALLOW_CIDRS: '10/8,127.0.0.0/8,::1',
        WEBHOOK_SECRETS: `whsec_${'a'.repeat(40)},acme=whsec_tooshort`,
      },
      named: [
        'REDIS_URL: must be redis://',
        'WORKER_QUEUES: "io" is not <queue>:<concurrency>',
        'SHUTDOWN_GRACE_MS: ',
        'EGRESS_ALLOW_CIDRS: "10/8" is not a CIDR block',
        'EGRESS_ALLOW_CIDRS: "::1" is not a CIDR block',
        'WEBHOOK_SECRETS: entry 2 is not',
      ],
    },
  }
  for (const role of ['api', 'worker'] as const) {
    const { role: started } = spawnRole(role, bad[role].env)
    expect(await started.ended).toBe(1)
    expect(started.stderr).toHaveLength(bad[role].named.length)
    for (const line of bad[role].named) expect(started.stderr.join('\n')).toContain(`drover ${role}: ${line}`)
  }
})

test('without keys the API listens on loopback addresses only, unless told otherwise', async () => {
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', HOST: '0.0.0.0' })
  expect(await role.ended).toBe(1)
  expect(role.stderr).toEqual([expect.stringContaining('HOST: 0.0.0.0 is not a loopback address')])
})

test('a Redis that is not there at boot is said in one line, within ten seconds', async () => {
  for (const name of ['api', 'worker'] as const) {
    const started = performance.now()
    const { role } = spawnRole(name, { REDIS_URL: 'redis://user:secret@127.0.0.1:1/3' })
    expect(await role.ended).toBe(1)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(role.stderr).toEqual([
      expect.stringMatching(
        /REDIS_URL: Redis did not answer within \d+ ms at redis:\/\/127\.0\.0\.1:1\/3 \(.*ECONNREFUSED/,
      ),
    ])
    expect(JSON.stringify(role.logs)).not.toContain('secret')
  }
})

test('an address that cannot be listened on is said in one line that names the variable', async () => {
  const { port } = await serve((_request, response) => void response.end(), '0.0.0.0')
  const cases = [
    ['api', { PORT: String(port) }, /^drover api: PORT: .*EADDRINUSE/],
    ['api', { PORT: '0', HOST: '203.0.113.9', ALLOW_ANONYMOUS: '1' }, /^drover api: HOST: .*203\.0\.113\.9/],
    ['worker', { WORKER_PORT: String(port) }, /^drover worker: WORKER_PORT: .*EADDRINUSE/],
  ] as const
  for (const [name, env, line] of cases) {
    const { role } = spawnRole(name, { REDIS_URL: inject('redisUrl'), KEY_PREFIX: keyPrefix(), ...env })
    expect(await role.ended).toBe(1)
    expect(role.stderr).toEqual([expect.stringMatching(line)])
    expect(role.logs.filter(({ level }) => Number(level) > 40)).toEqual([])
  }
})

test('a database that Redis does not have is said in one line: nothing runs in another', async () => {
  const url = new URL(inject('redisUrl'))
  url.pathname = '/9999'
  for (const name of ['api', 'worker'] as const) {
    const { role } = spawnRole(name, { REDIS_URL: url.href, KEY_PREFIX: keyPrefix() })
    expect(await role.ended).toBe(1)
    expect(role.stderr).toEqual([
      expect.stringMatching(/REDIS_URL: Redis refused the database at redis:.*\/9999 \(.*index is out of range/),
    ])
  }
})

test('a Redis that is too old stops the boot with one line that names its version', async () => {
  const url = await redisThatReports('6.2.14')
  for (const name of ['api', 'worker'] as const) {
    const { role } = spawnRole(name, { REDIS_URL: url, KEY_PREFIX: keyPrefix() })
    expect(await role.ended).toBe(1)
    expect(role.stderr).toEqual([
      expect.stringMatching(
        /REDIS_URL: Redis is too old at redis:.* \(version 6\.2\.14; version 7\.0 or later is required\)$/,
      ),
    ])
  }
})
