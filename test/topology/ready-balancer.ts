import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const probeEveryMs = 50

/**
 * What a Service of Kubernetes does: each new connection goes to one of the servers whose `/readyz` was 200 at the last probe, one after
 * the other. Connections that exist stay where they are. Ends with its test.
 *
 * @returns its URL
 */
export async function startBalancer(urls: readonly string[]): Promise<string> {
  let ready: string[] = []
  let next = 0
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const target = ready[next++ % ready.length]
    if (target === undefined) {
      client.destroy()
      return
    }
    const upstream = connect(Number(new URL(target).port), '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.once('close', () => open.delete(one))
      one.on('error', () => other.destroy())
      one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = new AbortController()
  const probe = async (): Promise<void> => {
    const answers = await Promise.all(
      urls.map((url) =>
        fetch(`${url}/readyz`, { headers: { connection: 'close' } }).then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    )
    ready = urls.filter((_, n) => answers[n] === 200)
  }
  await probe()
  const probing = (async () => {
    while (!stop.signal.aborted) {
      await sleep(probeEveryMs)
      await probe()
    }
  })()
  onTestFinished(async () => {
    stop.abort()
    await probing
    server.close()
    for (const one of open) one.destroy()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}
