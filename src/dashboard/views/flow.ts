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
import { follow, pause } from '../stream.ts'

/** How often a flow is read while its members end. */
const readEveryMs = 1500
/** A tree of more jobs is some 100 KB, and read more rarely. */
const smallFlow = 200
const largeTreeEveryMs = 15_000
const shownResults = 200

/** A flow: its tree, which colours as members end, and their results as they come. */
export function FlowView({ id }: { id: string }) {
  const [round, setRound] = useState(0)
  const { flow, ends, results, error } = useFollowedFlow(id, round)
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
      <section aria-labelledby="tree-title"><h2 id="tree-title">Jobs</h2>${flow.tree && html`<${FlowTree} node=${flow.tree} ends=${ends} />`}</section>
      <section aria-labelledby="results-title"><h2 id="results-title">Results</h2><${Results} results=${results} total=${ends.size} isDone=${flow.done} /></section>
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

function Results({ results, total, isDone }: { results: FlowMember[]; total: number; isDone: boolean }) {
  if (results.length === 0)
    return html`<p class="faint">${isDone ? 'No job ended.' : 'Results appear here as the jobs end.'}</p>`
  return html`<ol class="values">
    ${results.toReversed().map(
      (member) => html`<li key=${member.path}>
        <${StateMark} state=${member.state} /> <code>${member.path}</code>
        ${member.error ? html`<span class="bad" dir="auto">${member.error.code}: ${member.error.message}</span>` : html`<${JsonTree} value=${member.output} name=${`result of ${member.path}`} />`}
      </li>`,
    )}
  </ol>${total > shownResults && html`<p class="faint">The last ${shownResults} of ${count(total)}.</p>`}`
}

interface FollowedFlow {
  flow: Flow | undefined
  /** The states of the members that have ended, by path. */
  ends: ReadonlyMap<string, State>
  /** The latest of them, with their outputs. */
  results: FlowMember[]
  error: unknown
}

/** A flow and its members as they end. `round` changes when it is to be followed again. */
function useFollowedFlow(id: string, round: number): FollowedFlow {
  const [state, setState] = useState<FollowedFlow>({ flow: undefined, ends: new Map(), results: [], error: undefined })
  useEffect(() => {
    const stopping = new AbortController()
    const update = (change: (before: FollowedFlow) => Partial<FollowedFlow>) => {
      if (!stopping.signal.aborted) setState((before) => ({ ...before, ...change(before) }))
    }
    followFlow(id, update, stopping.signal).catch((error: unknown) => update(() => ({ error })))
    return () => stopping.abort()
  }, [id, round])
  return state
}

type Update = (change: (before: FollowedFlow) => Partial<FollowedFlow>) => void

async function followFlow(id: string, update: Update, signal: AbortSignal): Promise<void> {
  const path = `/v1/flows/${encodeURIComponent(id)}`
  const over = new AbortController()
  const reading = AbortSignal.any([signal, over.signal])
  const read = async (tree: 'full' | 'none', until = signal) => {
    const flow = await get<Flow>(`${path}?tree=${tree}`, { signal: until })
    update(({ flow: before }) => ({
      flow: tree === 'full' || !before?.tree ? flow : { ...flow, tree: before.tree },
      error: undefined,
    }))
    return flow
  }
  const flow = await read('full')
  const ends = new Map<string, State>()
  update(() => ({ ends, results: [] }))
  // States between start and end come with no event.
  if (!flow.done) void keepReading((tree) => read(tree, reading), flow.jobs, reading)
  try {
    await follow(`${path}/events?tree=none`, {
      onEvent: ({ kind, data }) => {
        if (kind !== 'member') return
        const member = data as FlowMember
        ends.set(member.path, member.state)
        update(({ results }) => ({ results: [...results, member].slice(-shownResults) }))
      },
      poll: async () => (await read('none')).done,
      signal,
    })
  } finally {
    over.abort()
  }
  await read('full')
}

/** Reads a flow until `signal` aborts, not in a hidden tab, never twice at once; the tree of a large one more rarely. */
async function keepReading(
  read: (tree: 'full' | 'none') => Promise<unknown>,
  jobs: number,
  signal: AbortSignal,
): Promise<void> {
  const treeEveryMs = jobs > smallFlow ? largeTreeEveryMs : readEveryMs
  let pauseMs = readEveryMs
  let treeAt = performance.now() + treeEveryMs
  for (;;) {
    await pause(pauseMs, signal)
    if (signal.aborted) return
    if (document.hidden) continue
    const isTreeDue = performance.now() >= treeAt
    // What it means that the API refuses or is away is shown elsewhere: here it is asked more rarely.
    const isRead = await read(isTreeDue ? 'full' : 'none').then(
      () => true,
      () => false,
    )
    pauseMs = isRead ? readEveryMs : Math.min(pauseMs * 2, largeTreeEveryMs)
    if (isTreeDue) treeAt = performance.now() + treeEveryMs
  }
}
