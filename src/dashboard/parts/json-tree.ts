import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { CopyButton } from './copy.ts'
import { bytes, count, cut, plural } from './format.ts'

const shownCharacters = 300
const shownMembers = 100
const openDepth = 2
const image = /^data:image\/(png|jpeg|gif|webp|avif|svg\+xml);base64,/
/** How base64 of an image begins, and its type. */
const imageStarts: [string, string][] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
]

/** A JSON value as a tree. Texts are set as text; a picture is shown; links only for http and https. */
export function JsonTree({ value, name = 'value' }: { value: unknown; name?: string }) {
  return html`<div class="tree" dir="ltr">
    <div class="tools"><${CopyButton} text=${() => JSON.stringify(value, null, 2)} what=${`the ${name}`} label="copy JSON" /></div>
    <${Node} value=${value} path="" depth=${0} />
  </div>`
}

function Node({ value, path, depth, name }: { value: unknown; path: string; depth: number; name?: string }) {
  const label = name === undefined ? null : html`<span class="name">${name}</span>`
  if (typeof value !== 'object' || value === null) {
    return html`<div class="leaf">${label}<${Leaf} value=${value} />
      ${path !== '' && html`<${CopyButton} text=${path} what=${`the path ${path}`} label="path" />`}</div>`
  }
  return html`<${Branch} ...${{ value, path, depth, label }} />`
}

function Branch({ value, path, depth, label }: { value: object; path: string; depth: number; label: unknown }) {
  const entries = Object.entries(value)
  const [isOpen, setOpen] = useState(depth < openDepth && entries.length <= shownMembers)
  const [limit, setLimit] = useState(shownMembers)
  const size = Array.isArray(value) ? plural(entries.length, 'item') : plural(entries.length, 'member')
  if (entries.length === 0)
    return html`<div class="leaf">${label}<span class="faint">${Array.isArray(value) ? '[]' : '{}'}</span></div>`
  return html`<details open=${isOpen} onToggle=${(event: Event) => {
    if (event.target instanceof HTMLDetailsElement) setOpen(event.target.open)
  }}>
    <summary>${label}<span class="faint">${size}</span></summary>
    ${
      isOpen &&
      html`<div class="members">
      ${entries
        .slice(0, limit)
        .map(
          ([key, member]) =>
            html`<${Node} key=${key} value=${member} path=${`${path}/${pointerPart(key)}`} depth=${depth + 1} name=${key} />`,
        )}
      ${
        entries.length > limit &&
        html`<button type="button" class="small quiet" onClick=${() => setLimit(limit + 10 * shownMembers)}>
        show more of ${count(entries.length)}
      </button>`
      }
    </div>`
    }
  </details>`
}

/** A name as part of a JSON Pointer (RFC 6901). */
export const pointerPart = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

function Leaf({ value }: { value: unknown }) {
  const [isWhole, setWhole] = useState(false)
  if (typeof value !== 'string') return html`<span class="literal">${String(value)}</span>`
  const source = imageSource(value)
  if (source !== undefined) {
    return html`<figure><img src=${source} alt="A picture in this value" /><figcaption class="faint">${bytes(value.length)} of text</figcaption></figure>`
  }
  const text = isWhole ? value : cut(value, shownCharacters)
  return html`<span class="text" dir="auto">${isLink(value) ? html`<a href=${value} rel="noreferrer noopener" target="_blank">${text}</a>` : text}</span>
    ${
      value.length > shownCharacters &&
      html`<button type="button" class="small quiet" onClick=${() => setWhole(!isWhole)}>
      ${isWhole ? 'less' : `show ${count(value.length)} characters`}
    </button>`
    }`
}

const isLink = (text: string): boolean => /^https?:\/\/\S+$/i.test(text) && URL.canParse(text)

/** What an img element shows for a string: scripts in an image do not run there. */
function imageSource(text: string): string | undefined {
  if (image.test(text)) return text
  if (text.length < 64 || !/^[\w+/]+=*$/.test(text)) return undefined
  const [, type] = imageStarts.find(([start]) => text.startsWith(start)) ?? []
  return type && `data:${type};base64,${text}`
}
