import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

// Receives the webhook of a job and checks its signature (https://www.standardwebhooks.com).

const secret = (process.env['WEBHOOK_SECRETS'] ?? '').split(',')[0]?.replace('whsec_', '') ?? ''
const port = Number(process.env['PORT'] ?? 8081)
const known = new Set<string>()

/** Whether a message is from somebody who knows the secret, and not older than five minutes. */
function isGenuine(headers: IncomingHttpHeaders, body: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = headers
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false
  const expected = createHmac('sha256', Buffer.from(secret, 'base64'))
    .update(`${String(id)}.${String(at)}.${body}`)
    .digest()
  return String(signatures)
    .split(' ')
    .map((signature) => Buffer.from(signature.replace('v1,', ''), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected))
}

const server = createServer(async (request, response) => {
  const body = await text(request)
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end()
  // The same message may arrive twice.
  const id = String(request.headers['webhook-id'])
  if (!known.has(id)) {
    known.add(id)
    const { type, data } = JSON.parse(body)
    console.log(type, data.id, `${data.output?.thumbnails.length ?? 0} thumbnails`)
  }
  return response.writeHead(204).end()
})
server.listen(port, '127.0.0.1', () => console.log('listening', server.address()))
