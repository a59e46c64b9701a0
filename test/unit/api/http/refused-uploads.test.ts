import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import fastify from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectionOptions, guardConnections } from '../../../../src/api/http/connections.ts'

const limit = 1024
const app = fastify({ ...connectionOptions, bodyLimit: limit })
guardConnections(app)
app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization === undefined) return reply.code(401).header('connection', 'close').send('no key')
  return undefined
})
app.post('/', () => 'ok')

beforeAll(() => app.listen({ port: 0, host: '127.0.0.1' }))
afterAll(() => app.close())

/** Sends all before it reads, as many clients do. Resolves to what it was answered. */
async function sendThenRead(head: string, body: Buffer): Promise<string> {
  const { port } = app.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' })
  socket.pause()
  const failed = new Promise<never>((_resolve, reject) => socket.once('error', reject))
  await Promise.race([once(socket, 'connect'), failed])
  socket.write(`${head}\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`)
  for (let at = 0; at < body.length; at += 65_536) {
    const isSent = new Promise<void>((resolve) => socket.write(body.subarray(at, at + 65_536), () => resolve()))
    await Promise.race([isSent, failed])
  }
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.resume()
  await Promise.race([once(socket, 'end'), failed])
  socket.destroy()
  return Buffer.concat(chunks).toString()
}

const large = Buffer.alloc(8 * 1024 * 1024, 'a')

test.each([
  ['too large', 'POST / HTTP/1.1\r\nAuthorization: x\r\nContent-Type: application/json', '413'],
  [
    'too large, of a client that closes',
    'POST / HTTP/1.1\r\nAuthorization: x\r\nContent-Type: application/json\r\nConnection: close',
    '413',
  ],
  ['without a key', 'POST / HTTP/1.1', '401'],
  ['of an old client', 'POST / HTTP/1.0', '401'],
  ['with headers that are no headers', 'POST / HTTP/1.1\r\nno header', '400'],
])('a body %s is refused with an answer that arrives', async (_name, head, status) => {
  expect(await sendThenRead(head, large)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
})

test('a client that goes on sending after its refusal is cut off', { timeout: 30_000 }, async () => {
  const { port } = app.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' })
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n')
  socket.resume()
  const send = () => {
    while (!socket.destroyed && socket.write(large));
    if (!socket.destroyed) socket.once('drain', send)
  }
  send()
  await ended
  expect(socket.bytesWritten).toBeLessThan(200_000_000)
})
