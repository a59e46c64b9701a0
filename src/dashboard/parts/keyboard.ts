import { useEffect } from 'preact/hooks'

/** Whether a key goes into a field, or a dialog is open. */
function isTyping(event: KeyboardEvent): boolean {
  const { target } = event
  if (document.querySelector('dialog[open]') !== null) return true
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** Calls the function of a key that is pressed outside of fields, without modifiers. */
export function useKeys(keys: Record<string, () => void>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
      const act = keys[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
}

/** Presses the button with this shortcut, if it is shown and not disabled. */
export function press(shortcut: string): void {
  const button = document.querySelector(`[data-shortcut="${shortcut}"]`)
  if (button instanceof HTMLButtonElement) button.click()
}

/** The keys of a list: `j` and `k` move the focus over its rows, which are links. */
export function moveInRows(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row] a')]
  const at = rows.findIndex((row) => row === document.activeElement)
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus()
}
