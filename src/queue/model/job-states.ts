/** How a job can end. */
export const jobEnds = ['succeeded', 'failed', 'canceled', 'expired'] as const
export type JobEnd = (typeof jobEnds)[number]

/** Where a job stands. */
export const jobStates = ['scheduled', 'blocked', 'queued', 'running', ...jobEnds] as const
export type JobState = (typeof jobStates)[number]

/** Before a job is stored and after it is removed, it stands nowhere. */
export type Standing = JobState | 'absent'

interface Move {
  from: readonly Standing[]
  to: Standing
}

/**
 * All that can happen to a job, and where it then stands: what is not here must not happen. `docs/job-lifecycle.md` says of
 * each who writes it. Only jobs of a flow are ever `blocked`.
 */
export const jobMoves = {
  submit: { from: ['absent'], to: 'queued' },
  submit_for_later: { from: ['absent'], to: 'scheduled' },
  submit_in_flow: { from: ['absent'], to: 'blocked' },
  release: { from: ['blocked'], to: 'queued' },
  release_for_later: { from: ['blocked'], to: 'scheduled' },
  refuse_input: { from: ['blocked'], to: 'failed' },
  become_due: { from: ['scheduled'], to: 'queued' },
  start: { from: ['queued'], to: 'running' },
  tell: { from: ['running'], to: 'running' },
  succeed: { from: ['running'], to: 'succeeded' },
  fail_for_good: { from: ['running'], to: 'failed' },
  fail_and_wait: { from: ['running'], to: 'scheduled' },
  fail_and_go_again: { from: ['running'], to: 'queued' },
  put_back: { from: ['running'], to: 'queued' },
  leave_to_others: { from: ['running'], to: 'scheduled' },
  lose_worker: { from: ['running'], to: 'queued' },
  miss_its_start: { from: ['scheduled', 'queued', 'running'], to: 'expired' },
  reach_deadline: { from: ['scheduled', 'queued', 'running'], to: 'failed' },
  cancel: { from: ['blocked', 'scheduled', 'queued'], to: 'canceled' },
  signal_cancel: { from: ['running'], to: 'running' },
  end_canceled: { from: ['running'], to: 'canceled' },
  retry: { from: ['failed', 'canceled', 'expired'], to: 'queued' },
  retry_in_flow: { from: ['failed', 'canceled', 'expired'], to: 'blocked' },
  remove: { from: ['succeeded', 'failed', 'canceled', 'expired'], to: 'absent' },
} as const satisfies Record<string, Move>

export type JobMove = keyof typeof jobMoves

/** Where a job stands after `move`; undefined when that cannot happen to it in this state. */
export function next(state: Standing, move: JobMove): Standing | undefined {
  const { from, to }: Move = jobMoves[move]
  return from.includes(state) ? to : undefined
}

/** Whether a job has ended: only then is it ever removed. */
export function isEnd(state: JobState): boolean {
  return next(state, 'remove') !== undefined
}
