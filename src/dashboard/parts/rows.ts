import { useRef, useState } from 'preact/hooks'

interface Shown {
  /** The list that these ids belong to. */
  list: string
  ids: ReadonlySet<string>
}

/**
 * The rows of a list that is read again and again, newest first: they change in place, and older ones come at the end. New ones wait until
 * `show` is called, so that nothing moves under the pointer.
 */
export function useSteadyRows<Item extends { id: string }>(list: string, items: readonly Item[] | undefined) {
  const shown = useRef<Shown>({ list, ids: new Set() })
  const [, render] = useState(0)
  if (shown.current.list !== list) shown.current = { list, ids: new Set() }
  const all = items ?? []
  const first = all.findIndex(({ id }) => shown.current.ids.has(id))
  // Where none of them is left there is nothing to keep in its place.
  const rows = all.slice(Math.max(0, first))
  if (items) shown.current = { list, ids: new Set(rows.map(({ id }) => id)) }
  return {
    rows,
    waiting: all.length - rows.length,
    show: () => {
      shown.current = { list, ids: new Set() }
      render((count) => count + 1)
    },
  }
}
