import { html } from 'htm/preact'
import type { Scope } from './model.ts'
import { pathTo, type Route } from './route.ts'
import { AuditView } from './views/audit.ts'
import { FailuresView } from './views/failures.ts'
import { FlowView } from './views/flow.ts'
import { FlowsView } from './views/flows.ts'
import { JobView } from './views/job.ts'
import { JobsView } from './views/jobs.ts'
import { OperationsView, OperationView } from './views/operations.ts'
import { OverviewView } from './views/overview.ts'
import { QueuesView } from './views/queues.ts'
import { SchedulesView } from './views/schedules.ts'
import { TypeView } from './views/type.ts'
import { TypesView } from './views/types.ts'
import { WebhooksView } from './views/webhooks.ts'
import { WorkersView } from './views/workers.ts'

interface Place {
  /** The part of the path. */
  name: string
  title: string
  shape: string
  /** The key after `g`. */
  letter: string
  /** Keys without it do not see the place. */
  scope?: Scope
  show: (props: { route: Route }) => unknown
  /** Shows one of them. */
  showOne?: (props: { id: string; route: Route }) => unknown
}

export const places: readonly Place[] = [
  { name: '', title: 'Overview', shape: '◧', letter: 'o', show: OverviewView },
  { name: 'jobs', title: 'Jobs', shape: '☰', letter: 'j', show: JobsView, showOne: JobView },
  { name: 'flows', title: 'Flows', shape: '⇉', letter: 'f', show: FlowsView, showOne: FlowView },
  { name: 'schedules', title: 'Schedules', shape: '◷', letter: 's', show: SchedulesView },
  { name: 'queues', title: 'Queues', shape: '≡', letter: 'q', show: QueuesView },
  { name: 'workers', title: 'Workers', shape: '⚙\uFE0E', letter: 'w', scope: 'admin', show: WorkersView },
  { name: 'failures', title: 'Failures', shape: '✕', letter: 'e', show: FailuresView },
  { name: 'webhooks', title: 'Webhooks', shape: '↗', letter: 'h', show: WebhooksView },
  {
    name: 'operations',
    title: 'Operations',
    shape: '⊞',
    letter: 'p',
    show: OperationsView,
    showOne: OperationView,
  },
  { name: 'audit', title: 'Audit', shape: '✎', letter: 'a', scope: 'admin', show: AuditView },
  { name: 'types', title: 'Types', shape: '◇', letter: 't', show: TypesView, showOne: TypeView },
]

/** What a path shows. `id` changes where another view begins. */
export function viewOf({ parts }: Route): { id: string; title: string; show: (props: { route: Route }) => unknown } {
  const [name = '', id] = parts
  const place = places.find((one) => one.name === name)
  if (place && parts.length < 2) return { id: name, title: place.title, show: place.show }
  const { showOne } = place ?? {}
  if (place && showOne && id !== undefined && parts.length === 2) {
    return { id: `${name}/${id}`, title: id, show: ({ route }) => html`<${showOne} id=${id} route=${route} />` }
  }
  return { id: 'nothing', title: 'Not found', show: NothingHere }
}

function NothingHere() {
  return html`<h1>Nothing is here</h1><p>This address is no view of the dashboard. <a href=${pathTo([])}>Overview</a></p>`
}
