import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'
import { get, write } from '../api.ts'
import type { Flow, FlowMember, State } from '../model.ts'
import { Action } from '../parts/action.ts'
import { CopyButton } from '../parts/copy.ts'
import { FlowBar } from '../parts/flow-bar.ts'
import { FlowTree } from '../parts/flow-tree.ts'
import { count, plural, shortId } from '../parts/format.ts'
import { JsonTree } from '../parts/json-tree.ts'
import { ProblemNote } from '../parts/problem.ts'
import { StateMark } from '../parts/state.ts'
import { Ago, Took } from '../parts/time.ts'
import { navigate, pathTo } from '../route.ts'
import { follow } from '../stream.ts'

/** How often the whole flow is read at most while its members end. */
const readEveryMs = 1500
const shownResults = 200

/** A flow: its tree, which colours as members end, and their results as they come. */
export function FlowView({ id }: { id: string }) {
  const [round, setRound] = useState(0)
  const { flow, members, error } = useFollowedFlow(id, round)
  if (!flow)
    return html`<h1 class="id">${shortId(id)}</h1><${ProblemNote} error=${error} />${error === undefined && html`<p aria-busy="true">Reading the flow</p>`}`
  return html`<${Head} flow=${flow} onChange=${() => setRound(round + 1)} />
    ${
      flow.error &&
      html`<div class="note bad"><strong><code>${flow.error.code}</code></strong> <span dir="auto">${flow.error.message}</span>
      ${flow.error.job_id !== null && html` <a class="id" href=${pathTo(['jobs', flow.error.job_id])}>${shortId(flow.error.job_id)}</a>`}</div>`
    }
    <${ProblemNote} error=${error} />
    <div class="columns">
      <section aria-labelledby="tree-title"><h2 id="tree-title">Jobs</h2>${flow.tree && html`<${FlowTree} node=${flow.tree} ends=${endsOf(members)} />`}</section>
      <section aria-labelledby="results-title"><h2 id="results-title">Results</h2><${Results} members=${members} isDone=${flow.done} /></section>
    </div>`
}

function Head({ flow, onChange }: { flow: Flow; onChange: () => void }) {
  const path = `/v1/flows/${encodeURIComponent(flow.id)}`
  const open = flow.jobs - flow.counts.succeeded - flow.counts.failed - flow.counts.canceled - flow.counts.expired
  const lost = flow.counts.failed + flow.counts.canceled + flow.counts.expired
  return html`<header class="head"><h1>Flow <span class="id" title=${flow.id}>${shortId(flow.id)}</span> <${CopyButton} text=${flow.id} what="the id" /></h1>
      <div class="tools">
        <${Action} label="Cancel" scope="cancel" shortcut="c" confirm=${`Cancels ${plural(open, 'job')} of this flow; those that run are stopped.`}
          disabled=${flow.done ? 'It has ended.' : undefined} act=${() => write('POST', `${path}/cancel?tree=none`)} onDone=${onChange} />
        <${Action} label="Retry" scope="submit" shortcut="r" disabled=${flow.done && lost > 0 ? undefined : 'Nothing in it can be retried.'}
          confirm=${`Runs ${plural(lost, 'job')} that did not succeed again, and what depends on them.`} act=${() => write('POST', `${path}/retry?tree=none`)} onDone=${onChange} />
        <${Action} label="Delete" scope="cancel" kind="danger" disabled=${flow.done ? undefined : 'It has not ended.'}
          confirm=${`Deletes this flow and its ${plural(flow.jobs, 'job')} with their results.`} act=${() => write('DELETE', path)} onDone=${() => navigate(pathTo(['flows']))} />
      </div>
    </header>
    <dl class="facts">
      <div><dt>State</dt><dd id="flow-state" aria-live="polite"><${StateMark} state=${flow.state} /></dd></div>
      <div><dt>Jobs</dt><dd class="num">${count(flow.jobs - open)} of ${count(flow.jobs)} ended</dd></div>
      <div><dt>Created</dt><dd><${Ago} at=${flow.created_at} /></dd></div>
      <div><dt>${flow.done ? 'Took' : 'Runs for'}</dt><dd class="num"><${Took} from=${flow.created_at} to=${flow.finished_at} /></dd></div>
      ${flow.tags.length > 0 && html`<div><dt>Tags</dt><dd dir="auto">${flow.tags.join(', ')}</dd></div>`}
    </dl>
    <${FlowBar} counts=${flow.counts} />`
}

function Results({ members, isDone }: { members: FlowMember[]; isDone: boolean }) {
  if (members.length === 0)
    return html`<p class="faint">${isDone ? 'No job ended.' : 'Results appear here as the jobs end.'}</p>`
  return html`<ol class="values">
    ${members
      .slice(-shownResults)
      .toReversed()
      .map(
        (member) => html`<li key=${member.path}>
        <${StateMark} state=${member.state} /> <code>${member.path}</code>
        ${member.error ? html`<span class="bad" dir="auto">${member.error.code}: ${member.error.message}</span>` : html`<${JsonTree} value=${member.output} name=${`result of ${member.path}`} />`}
      </li>`,
      )}
  </ol>${members.length > shownResults && html`<p class="faint">The last ${shownResults} of ${count(members.length)}.</p>`}`
}

const endsOf = (members: FlowMember[]): ReadonlyMap<string, State> =>
  new Map(members.map(({ path, state }) => [path, state]))

interface FollowedFlow {
  flow: Flow | undefined
  members: FlowMember[]
  error: unknown
}

/** A flow and its members as they end. `round` changes when it is to be followed again. */
function useFollowedFlow(id: string, round: number): FollowedFlow {
  const [state, setState] = useState<FollowedFlow>({ flow: undefined, members: [], error: undefined })
  useEffect(() => {
    const stopping = new AbortController()
    const update = (change: Partial<FollowedFlow> | ((before: FollowedFlow) => Partial<FollowedFlow>)) => {
      if (!stopping.signal.aborted)
        setState((before) => ({ ...before, ...(typeof change === 'function' ? change(before) : change) }))
    }
    const path = `/v1/flows/${encodeURIComponent(id)}`
    const read = () => get<Flow>(path, { signal: stopping.signal }).then((flow) => update({ flow, error: undefined }))
    // States between start and end come with no event.
    const timer = setInterval(() => void read().catch(() => undefined), readEveryMs)
    const run = async () => {
      await read()
      update({ members: [] })
      await follow(
        `${path}/events?tree=none`,
        ({ kind, data }) => {
          if (kind === 'member') update(({ members }) => ({ members: [...members, data as FlowMember] }))
        },
        stopping.signal,
      )
      clearInterval(timer)
      await read()
    }
    run().catch((error: unknown) => {
      clearInterval(timer)
      update({ error })
    })
    return () => {
      stopping.abort()
      clearInterval(timer)
    }
  }, [id, round])
  return state
}
