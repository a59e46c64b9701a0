import { brotliCompress, type CompressCallback, constants, gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { codedEtag } from './etag.ts'
import { addVary } from './vary.ts'

type Coding = 'gzip' | 'br'

/** Shorter answers are sent as they are: they fit into one packet. */
const minBytes = 1024
/** Of answers to writes, most of which are a job without its output: the hot path of submissions does not pay for a KB. */
const minBytesOfWrite = 16_384
/** No character has more bytes in UTF-8 than this for each of its code units. */
const maxBytesOfUnit = 3
/** Data, not the pieces of a stream, and not the scripts of the documentation page. */
const compressible = /^(application\/(problem\+)?json|text\/plain)\b/

/** Both at a level that costs a few ms per MB, on a thread of libuv. */
const compressors: Record<Coding, (body: Buffer | string, done: CompressCallback) => void> = {
  gzip: (body, done) => gzip(body, { level: 4 }, done),
  br: (body, done) => brotliCompress(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }, done),
}

/**
 * Compresses answers of JSON above 1 KB, to writes above 16 KB, for clients that accept it. Streams of events and lines write their own heads and never come
 * here; payloads that can be read in ranges are sent as they are, since a range would count compressed bytes.
 */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isCompressible(payload, reply, isRead ? minBytes : minBytesOfWrite)) return done(null, payload)
    addVary(reply, 'accept-encoding')
    const coding = acceptedCoding(request.headers['accept-encoding'])
    if (coding === undefined) return done(null, payload)
    compressors[coding](payload, (error, compressed) => {
      if (error) return done(error)
      const etag = reply.getHeader('etag')
      if (typeof etag === 'string') reply.header('etag', codedEtag(etag, coding))
      reply.header('content-encoding', coding).removeHeader('content-length')
      done(null, compressed)
    })
  })
}

/** Says of a 304, which has no body, what the 200 with this JSON says: that it depends on the coding. */
export function varyAsWith(reply: FastifyReply, json: string): FastifyReply {
  return isShort(json, minBytes) ? reply : addVary(reply, 'accept-encoding')
}

function isShort(text: string, min: number): boolean {
  return text.length * maxBytesOfUnit < min || Buffer.byteLength(text) < min
}

function isCompressible(payload: unknown, reply: FastifyReply, min: number): payload is string | Buffer {
  if (typeof payload === 'string') {
    if (isShort(payload, min)) return false
  } else if (!Buffer.isBuffer(payload) || payload.length < min) return false
  return compressible.test(String(reply.getHeader('content-type'))) && !reply.hasHeader('content-encoding')
}

/** The coding that an `Accept-Encoding` header (https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding) prefers; undefined: none of ours. */
function acceptedCoding(header: string | string[] | undefined): Coding | undefined {
  if (header === undefined) return undefined
  const weights = new Map(
    String(header)
      .toLowerCase()
      .split(',')
      .map((element) => {
        const [name = '', weight] = element.split(';').map((part) => part.trim())
        return [name.replace(/^x-/, ''), weight === undefined ? 1 : Number(/^q=([\d.]+)$/.exec(weight)?.[1] ?? 0)]
      }),
  )
  const weightOf = (coding: Coding) => weights.get(coding) ?? weights.get('*') ?? 0
  const best = weightOf('br') >= weightOf('gzip') ? 'br' : 'gzip'
  return weightOf(best) > 0 ? best : undefined
}
