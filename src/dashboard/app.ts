import { html, render } from 'htm/preact'
import { useEffect, useErrorBoundary, useState } from 'preact/hooks'
import { askForKey, get, ProblemError, setKey, useConnection } from './api.ts'
import type { Key } from './model.ts'
import { ProblemNote } from './parts/problem.ts'
import { Ago } from './parts/time.ts'
import { followLinks, useRoute } from './route.ts'
import { setSessionKey } from './session.ts'
import { Rail, Top } from './shell.ts'
import { Login } from './views/login.ts'
import { viewOf } from './views.ts'

function App() {
  const connection = useConnection()
  const [key, setKeyOf] = useState<Key | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [round, setRound] = useState(0)
  useEffect(() => {
    const asking = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      try {
        const read = await get<Key>('/v1/key', { signal: asking.signal })
        setSessionKey(read)
        setError(undefined)
        setKeyOf(read)
      } catch (failure) {
        if (asking.signal.aborted) return
        setError(failure)
        // Another try with the same key has the same answer.
        if (failure instanceof ProblemError && [401, 403].includes(failure.problem.status)) return
        timer = setTimeout(() => setRound((before) => before + 1), 3000)
      }
    }
    void ask()
    return () => {
      asking.abort()
      clearTimeout(timer)
    }
  }, [round])
  const enter = (text: string) => {
    setKey(text)
    setRound(round + 1)
  }
  const leave = () => {
    setKey(undefined)
    setKeyOf(undefined)
    askForKey('')
  }
  if (connection.needsKey !== undefined) return html`<${Login} why=${connection.needsKey} onKey=${enter} />`
  if (!key) {
    return html`<main id="main" class="alone"><h1>Drover</h1><${Away} />
      ${error === undefined ? html`<p aria-busy="true">Opening</p>` : html`<${ProblemNote} error=${error} /><button type="button" onClick=${leave}>Use another key</button>`}
    </main>`
  }
  return html`<${Shell} key=${`${key.id}/${key.tenant}`} session=${key} onLeave=${leave} />`
}

function Shell({ session, onLeave }: { session: Key; onLeave: () => void }) {
  const route = useRoute()
  const view = viewOf(route)
  useEffect(() => {
    document.title = `${view.title} · Drover`
  }, [view.title])
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Rail} current=${route.parts[0] ?? ''} session=${session} />
    <div class="page">
      <${Top} session=${session} onLeave=${onLeave} />
      <${Away} />
      <main id="main" tabindex="-1"><${Guarded} key=${view.id} view=${view} route=${route} /></main>
    </div>`
}

/** A view that fails shows why, and leaves the others alone. */
function Guarded({ view, route }: { view: ReturnType<typeof viewOf>; route: ReturnType<typeof useRoute> }) {
  const [error, reset] = useErrorBoundary()
  if (error !== undefined && error !== null) {
    return html`<${ProblemNote} error=${error} /><button type="button" onClick=${reset}>Show it again</button>`
  }
  return html`<${view.show} route=${route} />`
}

/** That what is shown is old, and since when. */
function Away() {
  const { awaySince, why } = useConnection()
  return html`<div role="status" aria-live="polite">
    ${
      awaySince !== undefined &&
      html`<div class="away"><strong>${why}.</strong> What you see is from <${Ago} at=${new Date(awaySince).toISOString()} />. Trying again.</div>`
    }
  </div>`
}

const root = document.querySelector('#app')
if (root instanceof HTMLElement) {
  followLinks()
  root.replaceChildren()
  render(html`<${App} />`, root)
}
