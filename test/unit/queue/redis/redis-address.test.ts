import { describe, expect, test } from 'vitest'
import { addPassword, parseRedisUrl, type RedisAddress } from '../../../../src/queue/redis/redis-address.ts'

const plain: Omit<RedisAddress, 'text' | 'nodes'> = {
  kind: 'server',
  tls: false,
  username: undefined,
  password: undefined,
  db: 0,
  master: undefined,
  sentinelUsername: undefined,
  sentinelPassword: undefined,
}

describe('an address of Redis', () => {
  test.each<[url: string, address: Partial<RedisAddress>]>([
    ['redis://h', { nodes: [{ host: 'h', port: 6379 }], text: 'redis://h' }],
    ['redis://h:1/3', { nodes: [{ host: 'h', port: 1 }], db: 3, text: 'redis://h:1/3' }],
    ['redis://[::1]:7/', { nodes: [{ host: '::1', port: 7 }], text: 'redis://[::1]:7/' }],
    [
      'rediss://u%40x:p%2Fs@h',
      { tls: true, username: 'u@x', password: 'p/s', nodes: [{ host: 'h', port: 6379 }], text: 'rediss://h' },
    ],
    ['redis://:a:b@c@h', { password: 'a:b@c', nodes: [{ host: 'h', port: 6379 }], text: 'redis://h' }],
    [
      'redis+sentinel://u:p@a,b:2/my%20master/4?sentinel_username=s&sentinel_password=t%26',
      {
        ...{ kind: 'sentinel', username: 'u', password: 'p', master: 'my master', db: 4 },
        ...{ sentinelUsername: 's', sentinelPassword: 't&' },
        nodes: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 2 },
        ],
        text: 'redis+sentinel://a,b:2/my%20master/4',
      },
    ],
    [
      'rediss+cluster://a:1,[fe80::1]:2',
      {
        ...{ kind: 'cluster', tls: true, text: 'rediss+cluster://a:1,[fe80::1]:2' },
        nodes: [
          { host: 'a', port: 1 },
          { host: 'fe80::1', port: 2 },
        ],
      },
    ],
  ])('%s is read', (url, address) => {
    expect(parseRedisUrl(url)).toEqual({ status: 'ok', address: { ...plain, ...address } })
  })

  test.each([
    ['http://h', 'must be redis://'],
    ['redis://', 'must be redis://'],
    ['redis+sentinels://h/m', 'must be redis://'],
    ['redis://a,b', 'names several hosts'],
    ['redis://h:0', 'host or port that cannot be'],
    ['redis://h:65536', 'host or port that cannot be'],
    ['redis://a b', 'host or port that cannot be'],
    ['redis+cluster://a,,b', 'host or port that cannot be'],
    ['redis://:se/cret@h', 'host or port that cannot be'],
    ['redis://secret@h', 'a user without a password'],
    ['redis://secret:@h', 'an empty password'],
    ['redis://:secret%@h', 'percent-encoded'],
    ['redis://h/secret', 'no database number'],
    ['redis://h?password=secret', 'a query parameter that is not known'],
    ['redis+sentinel://h', 'does not name the master'],
    ['redis+sentinel://h/m?password=secret', 'a query parameter that is not known'],
    ['redis+cluster://h/1', 'a cluster has only 0'],
  ])('%s is refused, and not repeated', (url, reason) => {
    const parsed = parseRedisUrl(url)
    expect(parsed).toEqual({ status: 'mistake', mistake: expect.stringContaining(reason) })
    expect(JSON.stringify(parsed)).not.toContain('secret')
  })
})

test.each([
  ['redis://h', 'p', 'redis://:p@h'],
  [
    'redis+sentinel://h,i/m?sentinel_username=a',
    'a/b?c@d%$&',
    'redis+sentinel://:a%2Fb%3Fc%40d%25%24%26@h,i/m?sentinel_username=a',
  ],
  ['redis://:own@h', 'p', 'redis://:own@h'],
  ['redis://h', undefined, 'redis://h'],
  ['http://h', 'p', 'http://h'],
])('%s with the password %s', (url, password, result) => {
  expect(addPassword(url, password)).toBe(result)
  const parsed = parseRedisUrl(result)
  if (parsed.status === 'ok' && !url.includes('own')) expect(parsed.address.password).toBe(password)
})
