import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Checks that a port is free by listening on it for a moment.
 *
 * @returns the requested port, or the port that the system chose for 0
 * @throws the error of `listen`, with its `code` (`EADDRINUSE`, `EACCES`, …)
 */
export async function tryPort(port: number, host: string): Promise<number> {
  const server = await listen(port, host)
  return release(server)
}

/** `count` different ports that are currently free on the loopback address. */
export async function freePorts(count: number): Promise<number[]> {
  // All stay open until the last is known, since the system may assign a released port again.
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0, '127.0.0.1')))
  return Promise.all(servers.map(release))
}

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  return server
}

async function release(server: Server): Promise<number> {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  server.close()
  await once(server, 'close')
  return address.port
}
