import { Agent, request } from 'node:http'
import { connect } from 'node:net'

/** Any request that HTTP allows. `fetch` would normalize its path and refuse some of its headers. */
export interface RawRequest {
  method: string
  path: string
  headers: Record<string, string | string[]>
  body?: string | Buffer
}

export interface RawAnswer {
  status: number
  contentType: string | undefined
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** Sends a request and reads its answer; of an event stream only the head. @throws if there is no answer within 70 seconds */
export function sendOdd(agent: Agent, apiUrl: string, odd: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(apiUrl)
  const { method, path, body } = odd
  // For some methods Node.js would send the body without its length.
  const headers =
    body === undefined ? odd.headers : { ...odd.headers, 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path, headers, timeout: 70_000 }, (response) => {
      const contentType = response.headers['content-type']
      const answer = { status: response.statusCode ?? 0, contentType, headers: response.headers }
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (!contentType?.startsWith('text/event-stream')) return
        resolve({ ...answer, body: '' })
        sent.destroy()
      })
      response.on('end', () => resolve({ ...answer, body: Buffer.concat(chunks).toString() }))
      response.on('error', reject)
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer within 70 seconds')))
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends bytes unchanged, keeps the connection open, and reads until the server closes it. */
export async function sendBytes(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
