import { useEffect, useState } from 'preact/hooks'

// The URL is the state of a view: a link that is sent to somebody shows the same, and Back goes back.

const base = '/dashboard'

export interface Route {
  /** The parts of the path below the dashboard: `['jobs', 'io_…']`. */
  parts: string[]
  query: URLSearchParams
}

const listeners = new Set<() => void>()
const notify = () => {
  for (const listener of listeners) listener()
}
window.addEventListener('popstate', notify)

function currentRoute(): Route {
  const parts = location.pathname.slice(base.length).split('/').filter(Boolean).map(decoded)
  return { parts, query: new URLSearchParams(location.search) }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // A path that is no UTF-8 names nothing, as it is.
    return part
  }
}

/** The address of a view; parameters without a value are left out. */
export function pathTo(parts: readonly string[], query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  )
  const path = [base, ...parts.map(encodeURIComponent)].join('/')
  return given.length === 0 ? path : `${path}?${String(new URLSearchParams(given))}`
}

export function navigate(url: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  notify()
}

/** Changes some parameters of the view that is shown. */
export function setQuery(changes: Record<string, string | undefined>, options?: { replace?: boolean }): void {
  const { parts, query } = currentRoute()
  navigate(pathTo(parts, { ...Object.fromEntries(query), ...changes }), options)
}

/** The route, again whenever it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(currentRoute)
  useEffect(() => {
    const update = () => setRoute(currentRoute())
    listeners.add(update)
    return () => void listeners.delete(update)
  }, [])
  return route
}

/** Lets links between views change the URL without a load of the page. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname !== base && !link.pathname.startsWith(`${base}/`)) return
    event.preventDefault()
    navigate(link.pathname + link.search)
    window.scrollTo(0, 0)
  })
}
