import type { Dispatcher } from 'undici'
import { fenceHeader } from '../../jobs/fence.ts'
import { PermanentError } from '../../jobs/job-error.ts'
import { parseTarget } from './refusal.ts'

type Headers = Dispatcher.DispatchOptions['headers']

const maxRedirects = 10
const redirectStatuses = [301, 302, 303, 307, 308]

export interface RedirectGuard {
  intercept: Dispatcher.DispatcherComposeInterceptor
  /** How many requests it has seen; more than one: `fetch` has followed a redirect. */
  requests: () => number
}

/**
 * Counts the requests of one `fetch` and checks the target of each redirect before `fetch` follows it. The fence of a job does not go along to
 * another origin.
 */
export function guardRedirects(redirect: NonNullable<RequestInit['redirect']>): RedirectGuard {
  let requests = 0
  let origin: string | undefined
  const intercept: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
    const from = `${String(options.origin)}${options.path}`
    requests += 1
    origin ??= String(options.origin)
    const sent =
      String(options.origin) === origin ? options : { ...options, headers: withoutFence(options.headers ?? null) }
    return dispatch(sent, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStarted: () => handler.onResponseStarted?.(),
      onResponseStart(controller, status, headers, statusText) {
        const location = headers['location']
        if (redirect === 'follow' && redirectStatuses.includes(status) && typeof location === 'string') {
          const refusal = refuseRedirect(location, from, requests)
          if (refusal) return controller.abort(refusal)
        }
        return handler.onResponseStart?.(controller, status, trimLocation(headers, controller), statusText)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    })
  }
  return { intercept, requests: () => requests }
}

/** `fetch` gives the headers as an object. */
function withoutFence(headers: NonNullable<Headers> | null): NonNullable<Headers> | null {
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== fenceHeader))
}

function refuseRedirect(location: string, from: string, requests: number): PermanentError | undefined {
  if (requests > maxRedirects) {
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

/** White space around a value is no part of it (RFC 9110, section 5.5), but undici keeps it, and then cannot follow the redirect. */
function trimLocation<H extends Record<string, string | string[] | undefined>>(
  headers: H,
  controller: { rawHeaders?: unknown },
): H {
  const { location } = headers
  if (typeof location !== 'string' || location === location.trim()) return headers
  const { rawHeaders } = controller
  if (Array.isArray(rawHeaders)) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      if (String(rawHeaders[i]).toLowerCase() === 'location') rawHeaders[i + 1] = Buffer.from(location.trim(), 'latin1')
    }
  }
  return { ...headers, location: location.trim() }
}
