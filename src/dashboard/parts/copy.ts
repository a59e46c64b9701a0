import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'

/** Copies a text. `what` tells screen readers of what. */
export function CopyButton({
  text,
  what,
  label = 'copy',
  warning,
}: {
  text: string | (() => string | Promise<string>)
  what: string
  label?: string
  /** What to mind about a text that was copied, if anything. */
  warning?: (text: string) => string | undefined
}) {
  const [done, setDone] = useState('')
  useEffect(() => {
    if (done === '') return undefined
    const timer = setTimeout(() => setDone(''), done === 'copied' ? 1500 : 6000)
    return () => clearTimeout(timer)
  }, [done])
  const copy = async () => {
    try {
      const copied = typeof text === 'string' ? text : await text()
      const done = (await copyText(copied)) ? 'copied' : 'not allowed'
      setDone([done, warning?.(copied)].filter(Boolean).join(': '))
    } catch (error) {
      setDone(error instanceof Error ? error.message : 'failed')
    }
  }
  return html`<button type="button" class="small quiet" aria-label=${`${label}: ${what}`} onClick=${copy}>
    <span aria-live="polite">${done || label}</span>
  </button>`
}

/** @returns whether the browser allowed it */
async function copyText(text: string): Promise<boolean> {
  // Pages that came by plain HTTP from another host have no clipboard.
  if (!('clipboard' in navigator)) return false
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  )
}
