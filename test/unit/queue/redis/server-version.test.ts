import { expect, test } from 'vitest'
import { isTooOld, versionOf } from '../../../../src/queue/redis/server-version.ts'

test.each([
  ['6.2.14', true],
  ['6.9', true],
  ['4.0.14', true],
  ['7.0.0', false],
  ['7.0.15', false],
  ['7.2.4', false],
  ['8.0.2', false],
  ['10.1', false],
  ['unstable', false],
])('Redis %s is too old: %s', (version, expected) => {
  expect(isTooOld(version)).toBe(expected)
})

test.each([
  ['Redis', '# Server\r\nredis_version:6.2.14\r\nredis_git_sha1:00000000\r\n', '6.2.14'],
  ['Valkey', '# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n', '7.2.4'],
  ['a server without a version', '# Server\r\nos:Linux\r\n', undefined],
])('the version of %s is read from INFO', (_, info, expected) => {
  expect(versionOf(info)).toBe(expected)
})
