import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { Problem } from './problem.ts'

/** Deeper bodies are refused: V8 parses them, but whoever walks the value later would overflow its stack. */
const mostDepth = 64

/** Makes the app accept JSON bodies only: not compressed, UTF-8, at most {@link mostDepth} deep, without prototype keys. */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const coding = request.headers['content-encoding']
    if (coding === undefined || coding.trim().toLowerCase() === 'identity') return done()
    // A small body that unpacks to a large one would get around the limit. What is taken instead: RFC 9110, section 12.5.3.
    reply.header('accept-encoding', 'identity')
    done(new Problem('unsupported_media_type', 'Send the body as it is, without a content-encoding.'))
  })
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) return done(refuse('The body is not valid UTF-8.'))
    const text = body.toString('utf8')
    // Some clients send the header with every POST; a route that needs a body says so itself.
    if (text === '') return done(null, undefined)
    if (isDeeperThan(text, mostDepth)) return done(refuse(`The body is nested deeper than ${mostDepth} levels.`))
    // Fastify's parser calls back in the same turn.
    return parse(request, text, (error, value) => {
      if (error) return done(refuse(whyUnreadable(text)))
      return done(null, value)
    })
  })
}

/** What is wrong with a body that the parser refused. */
function whyUnreadable(text: string): string {
  if (text.trim() === '') return 'The body is empty.'
  try {
    JSON.parse(text)
  } catch {
    return 'The body is not valid JSON.'
  }
  return 'The body has a key that no object may have here: "__proto__", or "constructor" with a "prototype".'
}

function refuse(detail: string): Problem {
  return new Problem('invalid_request', detail, { mistakes: [{ pointer: '', detail }] })
}

/** True when JSON text opens more than `depth` arrays and objects within each other. Counts without parsing. */
export function isDeeperThan(text: string, depth: number): boolean {
  if (text.length <= depth) return false
  let open = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (inString) {
      if (char === 0x5c) i++
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x7b || char === 0x5b) {
      if (++open > depth) return true
    } else if (char === 0x7d || char === 0x5d) open--
  }
  return false
}
