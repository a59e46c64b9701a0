import dns from 'node:dns'
import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type * as undiciTypes from 'undici'
import { type AllowList, isAllowedAddress, parseAllowList } from '../../allowed-address.ts'
import { isExhausted } from '../../descriptor-watch.ts'
import { guardLookup, isLiteral, type Resolve } from './guard-lookup.ts'
import { guardRedirects, type RedirectGuard } from './guard-redirects.ts'
import { findRefusal, parseTarget, refuseAddress } from './refusal.ts'
import { skipContinue } from './skip-continue.ts'

/** Outgoing HTTP for handlers and webhooks. */
export interface Egress {
  /**
   * `fetch` that reaches only public unicast addresses and those in `allowCidrs`. It checks the address of each connection,
   * also after a redirect, and connects to exactly the address that it checked. At most 10 redirects, 10 s to connect,
   * HTTP/1.1, no proxy from the environment. Credentials in a URL are refused: send an `authorization` header.
   *
   * @throws PermanentError `egress_refused`, also for a URL that is not http(s); `too_many_redirects`.
   * @throws TypeError `fetch failed` with the network error as its cause; the signal's reason when it aborts.
   */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  /** Closes the connections that are kept alive and not in use. `fetch` does so itself where no file descriptor is left. */
  readonly closeIdle: () => void
  /** Closes every connection at once. Later calls of `fetch` fail. */
  readonly close: () => Promise<void>
}

const require = createRequire(import.meta.url)
const connectTimeoutMs = 10_000
/** A server may ask for minutes: idle connections take descriptors that others need. */
const keepAliveMaxMs = 15_000

/**
 * Opens no connection before the first `fetch`.
 *
 * @throws TypeError when an entry of `allowCidrs` is not a CIDR block.
 */
export function createEgress(options: { allowCidrs: readonly string[]; resolve?: Resolve }): Egress {
  const allow = parseAllowList(options.allowCidrs)
  const resolve = options.resolve ?? dns.lookup
  let network: ReturnType<typeof openNetwork> | undefined
  let isClosed = false
  const send = async (target: URL, init: RequestInit | undefined, guard: RedirectGuard): Promise<Response> => {
    network ??= openNetwork(allow, resolve).catch((error: unknown) => {
      network = undefined
      throw error
    })
    const { undici, agent } = await network
    const body = init?.body instanceof FormData ? copyForm(init.body, new undici.FormData()) : init?.body
    const given = asUndiciInit({ ...init, ...(body === undefined ? {} : { body }) })
    return asGlobalResponse(await undici.fetch(target, { ...given, dispatcher: agent().compose(guard.intercept) }))
  }
  // Who called `fetch` hears that the network failed to open.
  const closeIdle = (): void =>
    void network?.then(
      (open) => open.renew(),
      () => undefined,
    )
  return {
    closeIdle,
    async fetch(url, init) {
      const target = parseTarget(url)
      if (isClosed) throw new Error('outgoing HTTP is closed: the worker is stopping')
      const redirect = init?.redirect ?? 'follow'
      try {
        const guard = guardRedirects(redirect)
        return await send(target, init, guard).catch(async (error: unknown) => {
          if (!hasNoDescriptor(error)) throw error
          closeIdle()
          // The first request did not connect, so nothing was sent. A body that is a stream may have been read all the same.
          if (guard.requests() > 1 || init?.body instanceof ReadableStream) throw error
          await nextTurn()
          return send(target, init, guardRedirects(redirect))
        })
      } catch (error) {
        throw findRefusal(error) ?? error
      }
    },
    async close() {
      isClosed = true
      const open = await network?.catch(() => undefined)
      await open?.destroy()
    },
  }
}

function hasNoDescriptor(error: unknown): boolean {
  return isExhausted(error) || (error instanceof Error && error.cause !== undefined && hasNoDescriptor(error.cause))
}

/**
 * Loads undici on first use: the import takes 140 ms and 29 MB (measured), which threads that never fetch need not spend. Uses
 * undici's own `fetch`, since the one in Node.js is another version and refuses our dispatcher.
 *
 * @throws the error of the system when no file descriptor is left. A later call tries again: an `import` that failed in the middle
 * would fail for good.
 */
async function openNetwork(allow: AllowList, resolve: Resolve) {
  const undici = require('undici') as typeof undiciTypes
  const connectTo = undici.buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    lookup: guardLookup(allow, resolve),
  })
  const connect: undiciTypes.buildConnector.connector = (options, callback) => {
    // A literal address is never looked up, so the lookup guard does not see it.
    if (isLiteral(options.hostname) && !isAllowedAddress(options.hostname, allow)) {
      return callback(refuseAddress(options.hostname), null)
    }
    return connectTo(options, (...result) => {
      if (result[1]) skipContinue(result[1])
      callback(...result)
    })
  }
  const create = () => new undici.Agent({ connect, allowH2: false, keepAliveMaxTimeout: keepAliveMaxMs })
  let agent = create()
  const left = new Set<undiciTypes.Agent>()
  return {
    undici,
    agent: () => agent,
    /** The agent that is left ends its idle connections now, and the others with their requests. */
    renew() {
      const before = agent
      agent = create()
      left.add(before)
      void before.close().finally(() => left.delete(before))
    },
    destroy: () => Promise.all([agent, ...left].map((each) => each.destroy())),
  }
}

/** Undici's `fetch` treats the FormData of Node.js as a string. */
function copyForm(from: FormData, to: undiciTypes.FormData): undiciTypes.FormData {
  for (const [name, value] of from) {
    if (typeof value === 'string') to.append(name, value)
    else to.append(name, value, value.name)
  }
  return to
}

// Both types are those of the Fetch standard; the declarations of Node.js and of undici differ in details that no handler uses.

function asUndiciInit(init: unknown): undiciTypes.RequestInit {
  return init as undiciTypes.RequestInit
}

function asGlobalResponse(response: unknown): Response {
  return response as Response
}
