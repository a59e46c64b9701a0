import type { JobResource } from './job-resource.ts'

/** Examples of the document. A test checks each against its schema. */
export const exampleJob: JobResource = {
  id: 'cpu_01m82n06cvbgy292731g000c4x',
  type: 'count-primes',
  queue: 'cpu',
  state: 'succeeded',
  done: true,
  input: { limit: 100 },
  output: { count: 25, largest: 97 },
  output_bytes: null,
  error: null,
  progress: { fraction: 1, message: '25 primes below 100', data: null },
  run: 1,
  attempt: 1,
  max_attempts: 3,
  worker: null,
  priority: 0,
  backoff: null,
  timeout_ms: 30_000,
  start_within_ms: null,
  deadline_ms: null,
  run_at: null,
  webhook: null,
  tags: ['nightly'],
  metadata: { order: '42' },
  created_at: '2026-11-22T03:00:00.000Z',
  scheduled_for: null,
  held_by: null,
  started_at: '2026-11-22T03:00:00.004Z',
  finished_at: '2026-11-22T03:00:00.021Z',
  cancel_requested_at: null,
  deadline_at: null,
  expires_at: '2026-11-23T03:00:00.021Z',
  flow_id: null,
  attempts: [
    {
      attempt: 1,
      worker: 'worker-3',
      started_at: '2026-11-22T03:00:00.004Z',
      ended_at: '2026-11-22T03:00:00.021Z',
      outcome: 'succeeded',
      error: null,
    },
  ],
  links: {
    self: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x',
    output: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/output',
    values: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/values',
    events: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/events',
    logs: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/logs',
    cancel: '/v1/jobs/cpu_01m82n06cvbgy292731g000c4x/cancel',
  },
}

export const exampleLogs = {
  items: [{ at: '2026-11-22T03:00:00.010Z', level: 'info', message: 'downloaded', attempt: 1 }],
  next_cursor: null,
}

export const exampleEvents = [
  'retry: 2000',
  'id: 1',
  'event: snapshot',
  'data: {"id":"io_01m82n0yt6a17zs46knkfzwasz","state":"running"}',
  '',
  'id: 1000000',
  'event: progress',
  'data: {"fraction":0.5,"message":"step 1 of 2","data":null}',
  '',
  '',
].join('\n')
