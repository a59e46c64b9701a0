import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { dropWhenStalled } from '../../../../src/api/http/drop-when-stalled.ts'
import { serve } from '../../../helpers/local-site.ts'

/** Far longer than a reader pauses here, also on a busy machine. */
const stallMs = 500
/** Far more than the kernel and Node.js buffer for a connection. */
const size = 64 * 1024 * 1024

/** Requests a large answer. `closed` resolves when the server has closed it, to whether all was sent. */
async function ask() {
  const { promise: closed, resolve } = Promise.withResolvers<boolean>()
  const site = await serve((_request, response) => {
    dropWhenStalled(response, stallMs)
    response.once('close', () => resolve(response.writableFinished))
    response.setHeader('content-length', size)
    const piece = Buffer.alloc(262_144)
    Readable.from(Array.from({ length: size / piece.length }, () => piece)).pipe(response)
  })
  const request = get(site.url, { agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { response, closed }
}

test('a client that reads nothing is dropped', async () => {
  const { response, closed } = await ask()
  response.socket.pause()
  expect(await closed).toBe(false)
  response.destroy()
})

test('a client that reads slowly, for longer than the stall limit, receives everything', async () => {
  const { response, closed } = await ask()
  const from = performance.now()
  let taken = 0
  let rested = 0
  for await (const chunk of response) {
    taken += (chunk as Buffer).length
    if (taken < (rested + 1) * (size / 12)) continue
    rested += 1
    await sleep(stallMs / 5)
  }
  expect(taken).toBe(size)
  expect(await closed).toBe(true)
  expect(performance.now() - from).toBeGreaterThan(stallMs * 2)
})
