import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'

/** Copies a text. `what` tells screen readers of what. */
export function CopyButton({
  text,
  what,
  label = 'copy',
}: {
  text: string | (() => string)
  what: string
  label?: string
}) {
  const [done, setDone] = useState('')
  useEffect(() => {
    if (done === '') return undefined
    const timer = setTimeout(() => setDone(''), 1500)
    return () => clearTimeout(timer)
  }, [done])
  const copy = async () => {
    setDone((await copyText(typeof text === 'string' ? text : text())) ? 'copied' : 'not allowed')
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
