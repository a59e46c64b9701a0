import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Client } from '../../../src/cli/client/client.ts'

test('a server that accepts and says nothing is given up soon, unless a wait was asked for', async () => {
  const server = createServer((request, response) => {
    // Answers once the other request has been given up.
    if (request.headers['prefer'] !== undefined) server.once('given up', () => response.end('{"done":true}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const client = new Client({ url: new URL(`http://127.0.0.1:${port}`), key: undefined, source: 'a test' }, 100)
  const waiting = client.call('GET', '/v1/jobs/io_1', { headers: { prefer: 'wait=50' } })
  await expect(client.call('GET', '/v1/jobs/io_1')).rejects.toThrow('the server says nothing')
  await expect(client.call('POST', '/v1/jobs', { body: {} })).rejects.toThrow('the server says nothing')
  server.emit('given up')
  expect(await waiting).toEqual({ done: true })
})
