import { isAscii, isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { keepInputText } from './input-text.ts'
import { Problem } from './problem.ts'
import { type JsonLimits, JsonScanner } from './scan-json.ts'

/** Deeper bodies are refused: V8 parses them, but recursive code would overflow its stack. */
const maxDepth = 64
/** A larger body is read in steps, so that other requests are served in between. */
const stepBytes = 65_536
const scannedAtOnce = 1_048_576

/** Asked before a body is parsed, with the memory that its value will take. @throws Problem when there is not enough */
type ReserveMemory = (request: FastifyRequest, bytes: number) => void

/**
 * Makes the app accept JSON bodies only: not compressed, UTF-8, within `limits` and {@link maxDepth}, without names of prototypes, and
 * without what would change on its way through a parser (numbers that a double cannot hold, halves of surrogate pairs). Where a name
 * occurs twice in an object, the last one counts.
 */
export function acceptJsonBodies(
  app: FastifyInstance,
  limits: Omit<JsonLimits, 'depth'>,
  reserveMemory: ReserveMemory,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const coding = request.headers['content-encoding']
    if (coding === undefined || coding.trim().toLowerCase() === 'identity') return done()
    // A small body that unpacks to a large one would get around the limit. What is accepted instead: RFC 9110, section 12.5.3.
    reply.header('accept-encoding', 'identity')
    done(new Problem('unsupported_media_type', 'Send the body as it is, without a content-encoding.'))
  })
  const allLimits = { ...limits, depth: maxDepth }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const reserve = (bytes: number) => reserveMemory(request, bytes)
    if (body.length > stepBytes) return parseInSteps(body, allLimits, reserve)
    let value: unknown
    try {
      // Some clients send the header with every POST; a route that needs a body refuses the request itself.
      if (body.length > 0) value = parse(body, allLimits, reserve)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
    done(null, value)
    return undefined
  })
}

/** @throws Problem */
function parse(body: Buffer, limits: JsonLimits, reserve: (bytes: number) => void): unknown {
  const scanner = startScan(body, limits)
  refuseExcess(scanner.advance(body.length), limits)
  reserve(scanner.parsedBytes)
  return finish(scanner, textOf(body))
}

/** @throws Problem */
async function parseInSteps(body: Buffer, limits: JsonLimits, reserve: (bytes: number) => void): Promise<unknown> {
  const scanner = startScan(body, limits)
  while (!scanner.isDone) {
    refuseExcess(scanner.advance(scannedAtOnce), limits)
    await setImmediate()
  }
  reserve(scanner.parsedBytes)
  const text = textOf(body)
  await setImmediate()
  const value = finish(scanner, text)
  keepInputText(value, body, scanner)
  await setImmediate()
  return value
}

function startScan(body: Buffer, limits: JsonLimits): JsonScanner {
  if (!isUtf8(body)) throw invalidBody('The body is not valid UTF-8.')
  return new JsonScanner(body, limits)
}

function textOf(body: Buffer): string {
  const text = body.toString(isAscii(body) ? 'latin1' : 'utf8')
  // RFC 8259 (section 8.1) lets a parser ignore a byte order mark.
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** Parses what was scanned; text that is no JSON is refused as that, whatever else is wrong with it. */
function finish({ mistakes }: JsonScanner, text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalidBody(text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.')
  }
  if (mistakes.count > 0) throw mistakes.toProblem()
  return value
}

function refuseExcess(exceeded: keyof JsonLimits | undefined, limits: JsonLimits): void {
  if (exceeded === undefined) return
  if (exceeded === 'depth') throw invalidBody(`The body is nested deeper than ${limits.depth} levels.`)
  const what = {
    objectMembers: 'members in one object',
    members: 'members in all objects together',
    names: 'different names of members',
    values: 'strings, arrays and objects',
  }
  throw new Problem('too_many_members', `The body has more than ${limits[exceeded]} ${what[exceeded]}.`)
}

function invalidBody(detail: string): Problem {
  return new Problem('invalid_request', detail, { mistakes: [{ pointer: '', detail }] })
}
