import { html } from 'htm/preact'
import type { Page } from '../model.ts'
import { setQuery } from '../route.ts'
import { Ago } from './time.ts'

/** The way through a list by cursor. A page that is not at the end of its search names how far that came. */
export function Pager({ page, cursor }: { page: Page<unknown>; cursor: string | null }) {
  const { next_cursor: next, complete, searched_back_to: back } = page
  return html`<nav class="pager" aria-label="Pages">
    ${complete === false && back !== undefined && html`<span class="faint">Searched back to <${Ago} at=${back} />.</span>`}
    ${cursor !== null && html`<button type="button" class="small secondary" onClick=${() => setQuery({ cursor: undefined })}>Newest</button>`}
    ${
      next !== null &&
      html`<button type="button" class="small secondary" onClick=${() => {
        setQuery({ cursor: next })
        window.scrollTo(0, 0)
      }}>${page.items.length === 0 ? 'Search on' : 'Older'}</button>`
    }
  </nav>`
}
