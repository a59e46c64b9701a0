import type { FlowResource } from './flow-resource.ts'

/** Examples of the document. A test checks each against its schema. */
export const exampleFlow: FlowResource = {
  id: 'flow_01m82n1b1gk3mz5c5w4x1jv0rq',
  state: 'succeeded',
  done: true,
  error: null,
  run: 1,
  jobs: 2,
  counts: { scheduled: 0, blocked: 0, queued: 0, running: 0, succeeded: 2, failed: 0, canceled: 0, expired: 0 },
  tree: {
    kind: 'chain',
    path: '/flow',
    state: 'succeeded',
    chain: [
      {
        kind: 'job',
        path: '/flow/chain/0',
        state: 'succeeded',
        id: 'io_01m82n1b1gk3mz5c5w4x1jv0rr',
        type: 'extract-links',
      },
      { kind: 'job', path: '/flow/chain/1', state: 'succeeded', id: 'io_01m82n1b1gk3mz5c5w4x1jv0rs', type: 'echo' },
    ],
  },
  held_back: null,
  tags: ['nightly'],
  metadata: { order: '42' },
  created_at: '2026-11-22T03:00:00.000Z',
  finished_at: '2026-11-22T03:00:00.480Z',
  cancel_requested_at: null,
  deadline_at: null,
  expires_at: '2026-11-23T03:00:00.480Z',
  links: {
    self: '/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq',
    results: '/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/results',
    events: '/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/events',
    cancel: '/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/cancel',
    deliveries: '/v1/flows/flow_01m82n1b1gk3mz5c5w4x1jv0rq/deliveries',
  },
}

export const exampleFlowEvents = [
  'retry: 2000',
  'id: 1000000',
  'event: snapshot',
  'data: {"id":"flow_01m82n1b1gk3mz5c5w4x1jv0rq","state":"running"}',
  '',
  'id: 1000001',
  'event: member',
  'data: {"id":"io_01m82n1b1gk3mz5c5w4x1jv0rr","path":"/flow/chain/0","state":"succeeded","output":1,"error":null}',
  '',
  '',
].join('\n')
