import { connect, type Socket } from 'node:net'

/** What a server gets. `headers` without `host` and `content-length`. */
interface Post {
  path: string
  headers: Record<string, string>
  body: string
}

/** The bytes of a request. */
export function requestBytes(origin: string, { path, headers, body }: Post): Buffer {
  const lines = Object.entries({ ...headers, host: new URL(origin).host, 'content-length': Buffer.byteLength(body) })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n${body}`)
}

interface Asked {
  resolve: (status: number) => void
  reject: (error: Error) => void
}

/**
 * Connections to one server, with one request at a time on each. It reads no more of an answer than its status and its end, since the generator
 * shares the cores with what it measures: undici takes 38 to 49 µs of CPU for a submission, this takes 20 (two cores, Node.js 24).
 */
export class Connections {
  readonly #port: number
  readonly #host: string
  readonly #max: number
  readonly #free: Connection[] = []
  readonly #waiting: { request: Buffer; asked: Asked }[] = []
  #open = 0

  constructor(origin: string, max: number) {
    const { hostname, port } = new URL(origin)
    this.#host = hostname
    this.#port = Number(port)
    this.#max = max
  }

  /** @returns the status of the answer, once all of it is here */
  post(request: Buffer): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const asked = { resolve, reject }
    const connection = this.#free.pop() ?? this.#another()
    if (connection) connection.send(request, asked)
    else this.#waiting.push({ request, asked })
    return promise
  }

  #another(): Connection | undefined {
    if (this.#open === this.#max) return undefined
    this.#open += 1
    return new Connection(connect({ host: this.#host, port: this.#port, noDelay: true }), {
      answered: (connection) => {
        const next = this.#waiting.shift()
        if (next) connection.send(next.request, next.asked)
        else this.#free.push(connection)
      },
      closed: (connection) => {
        this.#open -= 1
        const at = this.#free.indexOf(connection)
        if (at >= 0) this.#free.splice(at, 1)
      },
    })
  }
}

class Connection {
  readonly #socket: Socket
  readonly #answered: (connection: Connection) => void
  #asked: Asked | undefined
  #text = ''
  /** Where the answer ends in the text; undefined: its head is not here yet, or it has chunks. */
  #end: number | undefined

  constructor(
    socket: Socket,
    on: { answered: (connection: Connection) => void; closed: (connection: Connection) => void },
  ) {
    this.#socket = socket
    this.#answered = on.answered
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#asked?.reject(error))
    socket.on('close', () => {
      this.#asked?.reject(new Error('the connection was closed without an answer'))
      on.closed(this)
    })
  }

  send(request: Buffer, asked: Asked): void {
    this.#asked = asked
    this.#socket.write(request)
  }

  #read(text: string): void {
    this.#text += text
    this.#end ??= endOf(this.#text)
    const isComplete = this.#end === undefined ? this.#text.endsWith('\r\n0\r\n\r\n') : this.#text.length >= this.#end
    if (!isComplete) return
    const [asked, status] = [this.#asked, Number(this.#text.slice(9, 12))]
    this.#asked = this.#end = undefined
    this.#text = ''
    asked?.resolve(status)
    this.#answered(this)
  }
}

/** Undefined where that is not known from the head. */
function endOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head)) ?? []
  return length === undefined ? undefined : head + 4 + Number(length)
}
