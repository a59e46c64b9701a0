import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { inject, onTestFinished } from 'vitest'

/**
 * The address of this run's Redis behind a proxy that changes one thing: the version in the answer to INFO. `version` replaces
 * as much text as it has, so that the length of the answer stays the same.
 */
export async function redisThatReports(version: string): Promise<string> {
  const real = new URL(inject('redisUrl'))
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(Number(real.port || 6379), real.hostname)
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => [client, server].forEach((one) => one.destroy()))
    }
    client.pipe(server)
    server.on('data', (data) => client.write(withVersion(data, version)))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const address = proxy.address()
  if (typeof address !== 'object' || address === null) throw new Error('a TCP server has a port')
  const url = new URL(real)
  url.host = `127.0.0.1:${address.port}`
  return url.href
}

function withVersion(answer: Buffer, version: string): Buffer {
  const text = answer.toString('latin1')
  const reported = /redis_version:([\d.]+)/.exec(text)?.[1]
  if (reported === undefined) return answer
  const sameLength = version.slice(0, reported.length).padEnd(reported.length, '0')
  return Buffer.from(text.replace(`redis_version:${reported}`, `redis_version:${sameLength}`), 'latin1')
}
