import { randomInt } from 'node:crypto'
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

/**
 * Ports below those that systems assign by themselves: 32768 to 60999 on Linux, 49152 to 65535 elsewhere. Between the choice of a port and the
 * start of the program that listens on it, the system cannot give it to a connection. And above the last that `fetch` refuses, 10080.
 */
const [firstPort, endPort] = [11_000, 32_768]
const maxTries = 100

/** `count` different ports that are currently free on the loopback address. */
export async function freePorts(count: number): Promise<number[]> {
  // All stay open until the last is known, so that they differ.
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere))
  return Promise.all(servers.map(release))
}

async function listenAnywhere(): Promise<Server> {
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      return await listen(randomInt(firstPort, endPort), '127.0.0.1')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    }
  }
  return listen(0, '127.0.0.1')
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
