import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** How much of the beginning of a connection is kept, to know it by its name. */
const maxHead = 2000

interface Connection {
  client: Socket
  server: Socket
  head: string
  isFrozen: boolean
}

/**
 * A TCP proxy before a server on loopback. `freeze` stops the connections that exist and whose first bytes match: nothing passes them any
 * more, and neither end is notified. New connections work. It is closed after its test.
 */
export async function freezingProxy(port: number): Promise<{ port: number; freeze: (pattern: RegExp) => number }> {
  const connections = new Set<Connection>()
  const proxy = createServer((client) => {
    const connection: Connection = { client, server: connect(port, '127.0.0.1'), head: '', isFrozen: false }
    connections.add(connection)
    const pass = (from: Socket, to: Socket) => {
      from.on('data', (data) => {
        if (from === client && connection.head.length < maxHead) connection.head += data.toString('latin1')
        if (!connection.isFrozen) to.write(data)
      })
      from.on('close', () => {
        if (!connection.isFrozen) to.destroy()
      })
      from.on('error', () => undefined)
    }
    pass(client, connection.server)
    pass(connection.server, client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    for (const { client, server } of connections) {
      client.destroy()
      server.destroy()
    }
    proxy.close()
  })
  const freeze = (pattern: RegExp) => {
    const matching = [...connections].filter(({ client, head }) => !client.destroyed && pattern.test(head))
    for (const connection of matching) connection.isFrozen = true
    return matching.length
  }
  return { port: (proxy.address() as AddressInfo).port, freeze }
}
