import { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { waitUntilDone } from '../../../../src/api/http/wait-until-done.ts'

/** The part of a response that a wait looks at. */
function limits(ms: number) {
  const response = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as never)
  const hold = { revoked: undefined, onRevoked: () => undefined }
  return { ms, response, closing: new AbortController().signal, hold }
}

test('an end between the first read and the subscription is found by the first poll', async () => {
  let reads = 0
  const from = performance.now()
  const awaited = {
    watch: async () => () => undefined,
    read: async () => {
      reads += 1
      return { done: true }
    },
  }
  expect(await waitUntilDone(awaited, limits(5000), async () => ({ done: false }))).toEqual({ done: true })
  expect(reads).toBe(1)
  expect(performance.now() - from).toBeLessThan(1000)
})

test('an end that comes with its message needs no read, even before the first read is confirmed', async () => {
  let stopped = 0
  const awaited = {
    watch: async (onEnd: (ended: { done: boolean; n: number }) => void) => {
      onEnd({ done: true, n: 1 })
      return () => {
        stopped += 1
      }
    },
    read: async () => expect.unreachable(),
  }
  expect(await waitUntilDone(awaited, limits(5000), async () => ({ done: false, n: 0 }))).toEqual({ done: true, n: 1 })
  expect(stopped).toBe(1)
})

test('a wait without a subscription falls back to polling; one whose first read fails unsubscribes', async () => {
  const deaf = { watch: async () => Promise.reject(new Error('away')), read: async () => ({ done: true }) }
  expect(await waitUntilDone(deaf, limits(5000), async () => ({ done: false }))).toEqual({ done: true })
  let stopped = 0
  const awaited = {
    watch: async () => () => {
      stopped += 1
    },
    read: async () => ({ done: true }),
  }
  const refused = waitUntilDone(awaited, limits(5000), () => Promise.reject(new Error('refused')))
  await expect(refused).rejects.toThrow('refused')
  expect(stopped).toBe(1)
})
