import { html } from 'htm/preact'
import { useEffect, useRef } from 'preact/hooks'

/** A modal dialog. The browser keeps the focus inside, closes it with Escape, and puts the focus back. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children?: unknown }) {
  const element = useRef<HTMLDialogElement | null>(null)
  useEffect(() => {
    const before = document.activeElement
    const dialog = element.current
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return html`<dialog ref=${element} aria-labelledby="dialog-title" onCancel=${(event: Event) => {
    event.preventDefault()
    onClose()
  }}>
    <article>
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </article>
  </dialog>`
}
