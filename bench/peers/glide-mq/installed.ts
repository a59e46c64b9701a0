import { createRequire } from 'node:module'
import { join } from 'node:path'

/** A folder in which `npm install glide-mq express` was run. */
export const folder = process.env['PEER_GLIDE_MQ'] ?? ''

const load = (name: string) => createRequire(join(folder, 'package.json'))(name)

/** Where to find the Redis of the benchmark, in its words. */
export function connectionOf(redisUrl: string) {
  const { hostname, port } = new URL(redisUrl)
  return { addresses: [{ host: hostname, port: Number(port) }] }
}

interface Proxy {
  createProxyServer(options: { connection: object; prefix: string }): {
    app: { listen(port: number, host: string, onListening: () => void): { address(): { port: number } } }
  }
}

interface Queues {
  Worker: new (
    queue: string,
    processor: (job: { data: unknown }) => Promise<unknown>,
    options: { connection: object; prefix: string; concurrency: number },
  ) => { waitUntilReady(): Promise<void>; on(event: 'error', listener: (error: Error) => void): void }
}

export const loadProxy = (): Proxy => load('glide-mq/proxy')
export const loadQueues = (): Queues => load('glide-mq')
