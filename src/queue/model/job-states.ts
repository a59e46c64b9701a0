/** How a job can end. */
export const jobEnds = ['succeeded', 'failed', 'canceled', 'expired'] as const
export type JobEnd = (typeof jobEnds)[number]

/** The states of a job. */
export const jobStates = ['scheduled', 'blocked', 'queued', 'running', ...jobEnds] as const
export type JobState = (typeof jobStates)[number]

/** The state of a job, or that it is not stored: before its submission and after its removal. */
export type Standing = JobState | 'absent'

interface Move {
  from: readonly Standing[]
  to: Standing
}

/**
 * The state machine of jobs: all moves that there are. `docs/job-lifecycle.md` says when each happens and which script writes it.
 * `blocked` are jobs of a flow that it has not come to, and jobs that are parked.
 */
export const jobMoves = {
  submit: { from: ['absent'], to: 'queued' },
  submit_for_later: { from: ['absent'], to: 'scheduled' },
  submit_in_flow: { from: ['absent'], to: 'blocked' },
  release: { from: ['blocked'], to: 'queued' },
  release_for_later: { from: ['blocked'], to: 'scheduled' },
  reject_input: { from: ['blocked'], to: 'failed' },
  become_due: { from: ['scheduled'], to: 'queued' },
  start: { from: ['queued'], to: 'running' },
  report_event: { from: ['running'], to: 'running' },
  succeed: { from: ['running'], to: 'succeeded' },
  fail: { from: ['running'], to: 'failed' },
  fail_and_back_off: { from: ['running'], to: 'scheduled' },
  fail_and_requeue: { from: ['running'], to: 'queued' },
  park: { from: ['running'], to: 'blocked' },
  unpark: { from: ['blocked'], to: 'queued' },
  put_back: { from: ['running'], to: 'queued' },
  leave_unknown: { from: ['running'], to: 'queued' },
  defer: { from: ['running'], to: 'scheduled' },
  redeliver: { from: ['running'], to: 'queued' },
  expire: { from: ['scheduled', 'queued', 'running'], to: 'expired' },
  miss_deadline: { from: ['scheduled', 'queued', 'running', 'blocked'], to: 'failed' },
  cancel: { from: ['blocked', 'scheduled', 'queued'], to: 'canceled' },
  signal_cancel: { from: ['running'], to: 'running' },
  end_canceled: { from: ['running'], to: 'canceled' },
  retry: { from: ['failed', 'canceled', 'expired'], to: 'queued' },
  retry_in_flow: { from: ['failed', 'canceled', 'expired'], to: 'blocked' },
  remove: { from: ['succeeded', 'failed', 'canceled', 'expired'], to: 'absent' },
} as const satisfies Record<string, Move>

export type JobMove = keyof typeof jobMoves

/** The state after a move; undefined when the move is not possible in this state. */
export function next(state: Standing, move: JobMove): Standing | undefined {
  const { from, to }: Move = jobMoves[move]
  return from.includes(state) ? to : undefined
}

/** Whether a job has ended. Only ended jobs are removed. */
export function isEnd(state: JobState): state is JobEnd {
  return next(state, 'remove') !== undefined
}
