import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { dropWhenStalled } from '../../../../src/api/http/drop-when-stalled.ts'
import { serve } from '../../../helpers/local-site.ts'

const stallMs = 300
/** Far more than kernels and Node hold for a connection. */
const size = 64 * 1024 * 1024

/** A large answer, and when the server has let go of it. */
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

test('who takes nothing is dropped', async () => {
  const { response, closed } = await ask()
  response.socket.pause()
  expect(await closed).toBe(false)
  response.destroy()
})

test('who takes little, for longer than one may take nothing, gets all of it', async () => {
  const { response, closed } = await ask()
  const from = performance.now()
  let taken = 0
  let rested = 0
  for await (const chunk of response) {
    taken += (chunk as Buffer).length
    if (taken < (rested + 1) * (size / 12)) continue
    rested += 1
    await sleep(stallMs / 4)
  }
  expect(taken).toBe(size)
  expect(await closed).toBe(true)
  expect(performance.now() - from).toBeGreaterThan(stallMs * 2)
})
