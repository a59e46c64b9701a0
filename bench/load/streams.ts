import { connect, type Socket } from 'node:net'

/** Maximum number of streams that are opened at the same time. */
const opening = 64

const open = new Set<Socket>()
const delays: number[] = []
let watched = 0

/** Opens one event stream per path. Resolves when each has received its first event. */
export async function openStreams(options: {
  origin: string
  paths: string[]
  headers: Record<string, string>
}): Promise<void> {
  const { origin, headers } = options
  const paths = [...options.paths]
  watched += paths.length
  const opener = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) await openStream(origin + path, headers)
  }
  await Promise.all(Array.from({ length: opening }, opener))
}

/** By a socket, which takes less CPU than a client of HTTP: thousands end in a second, on the cores of what is measured. */
async function openStream(url: string, headers: Record<string, string>): Promise<void> {
  const { hostname, port, host, pathname } = new URL(url)
  const lines = Object.entries({ ...headers, host }).map(([name, value]) => `${name}: ${value}\r\n`)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true }).setEncoding('latin1')
  open.add(socket)
  socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`)
  let text = ''
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!text.startsWith('HTTP/1.1 200 ')) reject(new Error(`${url} was answered ${text.slice(0, 100)}`))
      if (text.includes('event: snapshot')) resolve()
      const at = text.indexOf('event: done')
      const end = at < 0 ? undefined : /"finished_at":"([^"]+)"/.exec(text.slice(at))?.[1]
      if (end === undefined) return
      delays.push(Date.now() - Date.parse(end))
      open.delete(socket)
      socket.destroy()
    })
  })
}

/** Time from the end of its job to the `done` of each stream, in ms, and the number of streams without `done`. */
export async function endsSeen(): Promise<{ delays: number[]; missing: number }> {
  return { delays, missing: watched - delays.length }
}

/** Closes all streams and resets the counts. */
export async function closeStreams(): Promise<void> {
  for (const socket of open) socket.destroy()
  open.clear()
  delays.length = 0
  watched = 0
}
