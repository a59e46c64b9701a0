import { expect, test } from 'vitest'
import { isContinued, readIncarnation } from '../../../../src/queue/redis/incarnation.ts'

const server = { runId: 'a', role: 'master', replicationId: 'r', offset: 100 }

test.each([
  { now: server, is: true, what: 'the same server' },
  { now: { ...server, offset: 120 }, is: true, what: 'the same server, which has written since' },
  { now: { ...server, offset: 99 }, is: false, what: 'a server whose history has become shorter' },
  { now: { ...server, runId: 'b' }, is: false, what: 'a server that was restarted, or another one' },
  { now: { ...server, role: 'slave' }, is: false, what: 'a master that has become a replica' },
  { now: { ...server, replicationId: 's' }, is: false, what: 'a server with another history' },
  { now: undefined, is: false, what: 'a server that does not describe itself' },
])('$what has kept everything: $is', ({ now, is }) => {
  expect(isContinued(server, now)).toBe(is)
})

test('an incarnation is read from INFO', () => {
  const info = '# Server\r\nrun_id:0f1\r\n# Replication\r\nrole:master\r\nmaster_replid:9c\r\nmaster_repl_offset:42\r\n'
  expect(readIncarnation(info)).toEqual({ runId: '0f1', role: 'master', replicationId: '9c', offset: 42 })
  expect(readIncarnation('')).toBeUndefined()
})
