import { useRef, useState } from 'preact/hooks'

interface Shown<Item> {
  /** The list that this belongs to. */
  list: string
  ids: string[]
  known: Map<string, Item>
}

/**
 * The rows of the first page of a list that is read again and again: they change in place, and nothing moves. New ones wait until `show` is
 * called. Rows that are gone stay as they were.
 */
export function useSteadyRows<Item extends { id: string }>(list: string, items: readonly Item[] | undefined) {
  const shown = useRef<Shown<Item>>({ list, ids: [], known: new Map() })
  const [, render] = useState(0)
  if (shown.current.list !== list) shown.current = { list, ids: [], known: new Map() }
  const { current } = shown
  if (items) {
    for (const item of items) current.known.set(item.id, item)
    if (current.ids.length === 0) current.ids = items.map(({ id }) => id)
  }
  const first = current.ids[0]
  const at = (items ?? []).findIndex(({ id }) => id === first)
  const isElsewhere = at === -1 && first !== undefined && (items ?? []).length > 0
  const waiting = isElsewhere ? (items ?? []).length : Math.max(0, at)
  return {
    rows: current.ids.flatMap((id) => current.known.get(id) ?? []),
    waiting,
    show: () => {
      shown.current = { list, ids: [], known: new Map() }
      render((count) => count + 1)
    },
  }
}
