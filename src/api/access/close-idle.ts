import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { anonymousCaller } from './api-keys.ts'

/** How long a connection without a valid key may be idle, in ms. One that has not sent the headers of a first request may as long. */
const idleMs = 10_000

/**
 * Closes idle connections over which no valid key has come. All others stay open for the 72 s of Fastify: where there are no keys, those are
 * all. Calls `onClose` for each.
 */
export function closeIdleStrangers(app: FastifyInstance, hasKeys: boolean, onClose: () => void): void {
  if (!hasKeys) return
  const known = new WeakSet<Socket>()
  app.addHook('onRequest', ({ caller, socket }, _reply, done) => {
    if (caller !== anonymousCaller) known.add(socket)
    done()
  })
  // Node.js has set its own timeout for the next request by then.
  app.addHook('onResponse', ({ socket }, _reply, done) => {
    if (!known.has(socket)) {
      socket.off('timeout', onClose)
      socket.setTimeout(idleMs, onClose)
    }
    done()
  })
}
