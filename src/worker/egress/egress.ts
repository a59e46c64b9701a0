import dns from 'node:dns'
import type { LookupFunction } from 'node:net'
import type * as undiciTypes from 'undici'
import { type AllowList, isAllowedAddress, parseAllowList } from '../../allowed-address.ts'
import { PermanentError } from '../../jobs/define-job.ts'

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
  /** Closes every connection at once. Later calls of `fetch` fail. */
  readonly close: () => Promise<void>
}

/** `dns.lookup` with the option `all`: every address of a name. */
export type Resolve = (
  hostname: string,
  options: dns.LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void,
) => void

const maxRedirects = 10
const connectTimeoutMs = 10_000

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
  return {
    async fetch(url, init) {
      const target = parseTarget(url)
      if (isClosed) throw new Error('outgoing HTTP is closed: the worker is stopping')
      network ??= openNetwork(allow, resolve)
      const { undici, agent } = await network
      const guard = guardHops(init?.redirect ?? 'follow')
      try {
        const body = init?.body instanceof FormData ? copyForm(init.body, new undici.FormData()) : init?.body
        const given = asUndiciInit({ ...init, ...(body === undefined ? {} : { body }) })
        return asGlobalResponse(await undici.fetch(target, { ...given, dispatcher: agent.compose(guard) }))
      } catch (error) {
        throw findRefusal(error) ?? error
      }
    },
    async close() {
      isClosed = true
      const open = await network
      await open?.agent.destroy()
    },
  }
}

/**
 * Loads undici on first use: the import takes 140 ms and 29 MB (measured), which threads that never fetch need not spend. Uses
 * undici's own `fetch`, since the one in Node.js is another version and refuses our dispatcher.
 */
async function openNetwork(allow: AllowList, resolve: Resolve) {
  const undici = await import('undici')
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
    return connectTo(options, callback)
  }
  return { undici, agent: new undici.Agent({ connect, allowH2: false }) }
}

/** URL normalizes every IPv4 spelling to four octets and puts IPv6 into brackets, which undici may have removed. */
function isLiteral(hostname: string): boolean {
  return hostname.includes(':') || /^[\d.]+$/.test(hostname)
}

/**
 * A lookup that returns only the allowed addresses of a name. The connection uses its result and does not look up again, so DNS
 * rebinding (another answer between check and connect) has no effect. Addresses that are not allowed are left out instead of
 * refusing the name: `localhost` is also ::1 where only 127.0.0.0/8 is allowed.
 */
function guardLookup(allow: AllowList, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, allow))
      const [first] = allowed
      if (!first) return callback(refuseAddress(hostname), [])
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family)
    })
  }
}

/** Counts the requests of one `fetch` and checks the target of each redirect before `fetch` follows it. */
function guardHops(
  redirect: NonNullable<RequestInit['redirect']>,
): undiciTypes.Dispatcher.DispatcherComposeInterceptor {
  let hops = 0
  return (dispatch) => (options, handler) => {
    const from = `${String(options.origin)}${options.path}`
    hops += 1
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStarted: () => handler.onResponseStarted?.(),
      onResponseStart(controller, status, headers, statusText) {
        const location = headers['location']
        if (redirect === 'follow' && [301, 302, 303, 307, 308].includes(status) && typeof location === 'string') {
          const refusal = refuseRedirect(location, from, hops)
          if (refusal) return controller.abort(refusal)
        }
        return handler.onResponseStart?.(controller, status, headers, statusText)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    })
  }
}

function refuseRedirect(location: string, from: string, hops: number): PermanentError | undefined {
  if (hops > maxRedirects) {
    return new PermanentError(`more than ${maxRedirects} redirects, the last at ${new URL(from).host}`, {
      code: 'too_many_redirects',
    })
  }
  try {
    parseTarget(URL.parse(location, from) ?? location)
    return undefined
  } catch (error) {
    if (error instanceof PermanentError) return error
    throw error
  }
}

function parseTarget(url: string | URL): URL {
  const target = URL.parse(String(url))
  if (!target) throw refuse('the URL cannot be read')
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw refuse(`${target.protocol} is not http: or https:`)
  if (target.username !== '' || target.password !== '') throw refuse(`the URL of ${target.host} carries credentials`)
  return target
}

function refuseAddress(hostname: string): PermanentError {
  return refuse(`${hostname} is not on a public address, and no range in EGRESS_ALLOW_CIDRS covers it`)
}

function refuse(why: string): PermanentError {
  return new PermanentError(`request refused: ${why}`, { code: 'egress_refused' })
}

/** `fetch` wraps an error of the connector, once or more. */
function findRefusal(error: unknown): PermanentError | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof PermanentError) return inner
  }
  return undefined
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
