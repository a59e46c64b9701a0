import { expect, inject, test } from 'vitest'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { serve } from '../helpers/local-site.ts'
import { redisThatReports } from '../helpers/redis-that-reports.ts'
import { spawnRole } from '../helpers/stack.ts'

test('an invalid environment fails the boot with one line per mistake', async () => {
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

test('without keys the API listens on loopback addresses only', async () => {
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', HOST: '0.0.0.0' })
  expect(await role.ended).toBe(1)
  expect(role.stderr).toEqual([expect.stringContaining('HOST: 0.0.0.0 is not a loopback address')])
})

test('an address that cannot be listened on is reported in one line that names the variable', async () => {
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

test('a database that Redis does not have is reported in one line, and no other is used', async () => {
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

test('a Redis that is too old fails the boot with one line that names its version', async () => {
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
