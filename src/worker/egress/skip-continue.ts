import type { Socket } from 'node:net'

/** The longest head of an interim response that is waited for. */
const maxHeadBytes = 16_384
const statusLine = /^HTTP\/1\.[01] 100[ \r]/
const statusLineBytes = 13

/**
 * Lets a socket pass over `100 Continue` before a response. A server may send it though nobody asked (RFC 9110, section 15.2.1), and does so
 * after it has read the request; undici takes it for an error and drops the connection, although the request has had its effect.
 *
 * Undici reads by `socket.read()` and sends one request at a time: what it reads first after it wrote is the start of a response.
 */
export function skipContinue(socket: Socket): void {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  let isStart = true
  let held: Buffer | undefined
  socket.read = (size) => {
    const chunk: unknown = read(size)
    if (!isStart || !Buffer.isBuffer(chunk)) return chunk
    const bytes = held ? Buffer.concat([held, chunk]) : chunk
    const start = endOfContinues(bytes)
    held = start === undefined ? bytes : undefined
    if (start === undefined) return null
    isStart = false
    return bytes.subarray(start)
  }
  // The declaration has overloads.
  socket.write = (...args: unknown[]) => {
    isStart = true
    return Reflect.apply(write, socket, args)
  }
}

/** Where the interim responses at the start of `bytes` end; undefined when that takes more bytes. */
function endOfContinues(bytes: Buffer): number | undefined {
  let at = 0
  for (;;) {
    const head = bytes.subarray(at, at + statusLineBytes).toString('latin1')
    if (!statusLine.test(head)) return head.length < statusLineBytes && isPrefix(head) ? undefined : at
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return bytes.length - at > maxHeadBytes ? at : undefined
    at = end + 4
  }
}

/** Whether more bytes could make this the start of a `100 Continue`. */
function isPrefix(head: string): boolean {
  return ['HTTP/1.1 100 ', 'HTTP/1.0 100 ', 'HTTP/1.1 100\r', 'HTTP/1.0 100\r'].some((line) => line.startsWith(head))
}
