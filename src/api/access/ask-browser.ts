import type { FastifyReply, FastifyRequest } from 'fastify'
import { prefersHtml } from '../http/prefers-html.ts'
import { addVary } from '../http/vary.ts'

/** A page that is shown when its reader sends no key: browsers ask for a name and a password before they show it. */
const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>API key required</title></head>
<body>
<h1>API key required</h1>
<p>This page needs an API key with the scope <code>read</code>. Reload it, and enter the part of the key before the dot as the user name and
the part after it as the password.</p>
</body>
</html>
`

/**
 * Asks the reader of a page for an API key, which the browser then sends as `authorization: Basic` (RFC 7617). Does nothing for a client
 * that does not ask for HTML.
 *
 * @returns whether it has answered
 */
export function askForKey(request: FastifyRequest, reply: FastifyReply): boolean {
  if (!prefersHtml(request.headers.accept)) return false
  addVary(reply, 'accept')
    .code(401)
    .header('www-authenticate', 'Basic realm="API key", charset="UTF-8"')
    .type('text/html; charset=utf-8')
    .serializer(String)
    .send(page)
  return true
}

/** The key of a page's reader as other clients send it: pages accept `Basic` with the two parts of a key, or with all of it in one field. */
export function bearerOf(authorization: string | undefined): string | undefined {
  const [, base64] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '') ?? []
  if (base64 === undefined) return authorization
  const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(base64, 'base64').toString()) ?? []
  return `Bearer ${[user, password].filter((part) => part !== '').join('.')}`
}
