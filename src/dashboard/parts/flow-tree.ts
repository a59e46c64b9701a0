import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { type FlowNode, type State, states } from '../model.ts'
import { pathTo } from '../route.ts'
import { FlowBar } from './flow-bar.ts'
import { count, plural, shortId } from './format.ts'
import { StateMark } from './state.ts'

/** Groups of more members are folded, and show so many at first. */
const shownMembers = 50

/** A node of a flow with all below it. `ends` has what ended since the tree was read. */
export function FlowTree({ node, ends }: { node: FlowNode; ends: ReadonlyMap<string, State> }) {
  const state = ends.get(node.path) ?? node.state
  if (node.kind === 'job') {
    return html`<div class="flow-job"><${StateMark} state=${state} /> ${node.type}
      ${node.id !== '' && html` <a class="id" href=${pathTo(['jobs', node.id])} title=${node.id}>${shortId(node.id)}</a>`}</div>`
  }
  return html`<${Group} node=${node} state=${state} ends=${ends} />`
}

function childrenOf(node: FlowNode): FlowNode[] {
  if (node.kind === 'chain') return node.chain
  if (node.kind === 'gather') return node.gather
  return node.kind === 'map' ? node.map : []
}

function Group({ node, state, ends }: { node: FlowNode; state: State; ends: ReadonlyMap<string, State> }) {
  const children = childrenOf(node)
  const [isOpen, setOpen] = useState(children.length <= shownMembers)
  const [limit, setLimit] = useState(shownMembers)
  return html`<details class=${`flow-${node.kind}`} open=${isOpen} onToggle=${(event: Event) => {
    if (event.target instanceof HTMLDetailsElement && event.target === event.currentTarget) setOpen(event.target.open)
  }}>
    <summary><${StateMark} state=${state} /> ${node.kind} <span class="faint">${plural(children.length, node.kind === 'chain' ? 'step' : 'member')}</span>
      ${node.kind !== 'chain' && html`<${FlowBar} counts=${countStates(children, ends)} />`}</summary>
    ${
      isOpen &&
      html`<ol>
      ${children.slice(0, limit).map((child) => html`<li key=${child.path}><${FlowTree} node=${child} ends=${ends} /></li>`)}
      ${
        children.length > limit &&
        html`<li><button type="button" class="small quiet" onClick=${() => setLimit(limit + 500)}>show more of ${count(children.length)}</button></li>`
      }
    </ol>`
    }
  </details>`
}

function countStates(nodes: FlowNode[], ends: ReadonlyMap<string, State>): Partial<Record<State, number>> {
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<State, number>
  for (const { path, state } of nodes) counts[ends.get(path) ?? state]++
  return counts
}
