import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type SseResponse, SseStreams } from '../../../../src/api/http/sse-response.ts'
import { StreamResponse } from '../../../../src/api/http/stream-response.ts'

const hold = { revoked: undefined, onRevoked: () => undefined }
/** Together far more than kernels and Node hold for a connection. */
const events = 128
const eventBytes = 256 * 1024

/** A server that answers each request by `respond`, and a client of it. */
async function serve(respond: (streams: SseStreams, reply: Parameters<SseStreams['open']>[0]) => void) {
  const closing = new AbortController()
  const gauge = { open: 0, inc: () => (gauge.open += 1), dec: () => (gauge.open -= 1) }
  const streams = new SseStreams(closing.signal, gauge)
  const app = fastify()
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-of-a-hook', 'yes')
  })
  app.get('/', (_request, reply) => respond(streams, reply))
  await app.listen()
  onTestFinished(async () => {
    streams.stop()
    app.server.closeAllConnections()
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const ask = async () => {
    const request = get({ port, agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response.setEncoding('utf8')
  }
  return { ask, closing, gauge }
}

const next = async (response: IncomingMessage) => (await once(response, 'data'))[0] as string

test('a stream has every header that hooks set, and `retry` in the block of its first event', async () => {
  const { ask } = await serve((streams, reply) => {
    const response = streams.open(reply, hold)
    response.send(1, 'snapshot', '{}')
    response.send(2, 'done', '{}')
    response.end()
  })
  const response = await ask()
  expect(response.headers).toMatchObject({
    'x-of-a-hook': 'yes',
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  expect(await Array.fromAsync(response)).toEqual([
    'retry: 2000\nid: 1\nevent: snapshot\ndata: {}\n\nid: 2\nevent: done\ndata: {}\n\n',
  ])
})

test('an open stream gets a comment and its opener a call every 15 seconds, until it has closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  let beats = 0
  const { ask, gauge } = await serve((streams, reply) => {
    const onBeat = () => {
      beats += 1
    }
    streams.open(reply, hold, { onBeat }).send(1, 'snapshot', '{}')
  })
  const response = await ask()
  await next(response)
  for (const count of [1, 2]) {
    const comment = next(response)
    vi.advanceTimersByTime(15_000)
    expect([await comment, beats, gauge.open]).toEqual([':\n\n', count, 1])
  }
  response.destroy()
  await vi.waitFor(() => expect(gauge.open).toBe(0))
  vi.advanceTimersByTime(60_000)
  expect(beats).toBe(2)
})

test('when the server closes, open streams end with a new retry, and new ones at once', async () => {
  const { ask, closing } = await serve((streams, reply) => streams.open(reply, hold).send(1, 'snapshot', '{}'))
  const response = await ask()
  await next(response)
  closing.abort()
  const last = [expect.stringMatching(/^retry: [123]\d{3}\n\n$/)]
  expect(await Array.fromAsync(response)).toEqual(last)
  expect(response.complete).toBe(true)
  expect(await Array.fromAsync(await ask())).toEqual(last)
})

test('an open answer of lines gets an empty line every 15 seconds, and is broken off when the server closes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const { ask, closing, gauge } = await serve((streams, reply) => streams.openLines(reply, hold).write('{}\n'))
  const response = await ask()
  expect(response.headers['content-type']).toBe('application/x-ndjson')
  expect([await next(response), gauge.open]).toEqual(['{}\n', 1])
  const beat = next(response)
  vi.advanceTimersByTime(15_000)
  expect(await beat).toBe('\n')
  closing.abort()
  await expect(Array.fromAsync(response)).rejects.toThrow('aborted')
})

test('a client that is behind can be waited for, and gets everything once it reads', async () => {
  const opened = Promise.withResolvers<SseResponse>()
  const { ask } = await serve((streams, reply) => opened.resolve(streams.open(reply, hold)))
  const response = await ask()
  const stream = await opened.promise
  response.pause()
  for (let id = 0; id < events; id++) stream.send(id, 'output', 'x'.repeat(eventBytes))
  expect(stream.isBehind).toBe(true)
  let hasCaughtUp = false
  const catchUp = async () => {
    await stream.caughtUp()
    hasCaughtUp = true
  }
  const caughtUp = catchUp()
  await new Promise(setImmediate)
  expect(hasCaughtUp).toBe(false)
  const received = Array.fromAsync(response).then((parts) => parts.join('').match(/^event: output$/gm))
  await caughtUp
  expect(stream.isBehind).toBe(false)
  stream.end()
  expect(await received).toHaveLength(events)
})

test('a stream is closed when its client has left, and writing to it has no effect', async () => {
  const opened = Promise.withResolvers<StreamResponse>()
  const { ask } = await serve((_streams, reply) =>
    opened.resolve(new StreamResponse(reply, 'application/x-ndjson', hold)),
  )
  const response = await ask()
  const stream = await opened.promise
  const closed = new Promise<void>((resolve) => stream.onClose(resolve))
  response.destroy()
  await closed
  expect(stream.isClosed).toBe(true)
  stream.write('{}\n')
  stream.end()
  await stream.caughtUp()
  let isNotified = false
  stream.onClose(() => {
    isNotified = true
  })
  expect(isNotified).toBe(true)
})

test('an answer that is broken off is not taken for complete', async () => {
  const { ask } = await serve((_streams, reply) => {
    const stream = new StreamResponse(reply, 'application/x-ndjson', hold)
    stream.write('{}\n')
    setImmediate(() => stream.abort())
  })
  await expect(Array.fromAsync(await ask())).rejects.toThrow('aborted')
})
