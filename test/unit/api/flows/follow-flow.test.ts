import { expect, test, vi } from 'vitest'
import { FlowFollower } from '../../../../src/api/flows/follow-flow.ts'
import type { StreamResponse } from '../../../../src/api/http/stream-response.ts'
import type { JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import type { Flows } from '../../../../src/queue/flows/flows.ts'
import { QueueUnavailableError } from '../../../../src/queue/redis/connection.ts'

async function follower() {
  const closing = new AbortController()
  const hub: Pick<JobEventHub, 'watchFlow'> = { watchFlow: async () => () => undefined }
  const deps = { flows: {} as Flows, hub: hub as JobEventHub, closing: closing.signal }
  return { closing, following: await FlowFollower.listen(deps, 'flow_1') }
}

const open = { isClosed: false } as StreamResponse

test('a read of a stream is repeated while Redis is away', async () => {
  const { following } = await follower()
  const read = vi
    .fn<() => Promise<string>>()
    .mockRejectedValueOnce(new QueueUnavailableError('away'))
    .mockResolvedValue('found')
  expect(await following.whenAvailable(open, read)).toBe('found')
  expect(read).toHaveBeenCalledTimes(2)
})

test('a read is not repeated for a client that has left, nor while the server closes', async () => {
  const { following, closing } = await follower()
  const left = { isClosed: false }
  const fails = async () => {
    left.isClosed = true
    throw new QueueUnavailableError('away')
  }
  expect(await following.whenAvailable(left as StreamResponse, fails)).toBeUndefined()
  closing.abort()
  expect(await following.whenAvailable(open, async () => expect.unreachable())).toBeUndefined()
})

test('any other error ends the stream', async () => {
  const { following } = await follower()
  await expect(following.whenAvailable(open, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
})
