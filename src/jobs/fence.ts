/** The header by which `job.fetch` sends the fence of an attempt. */
export const fenceHeader = 'drover-fence'

/** More starts than a run can have. */
const maxStarts = 1_000_000

/** Rises with each start of a job, also from one run to the next. Both count from 1. */
export const fenceOf = (run: number, start: number): number => run * maxStarts + start

/** The numbers of which {@link fenceOf} has made a fence. */
export const startOf = (fence: number): { run: number; start: number } => ({
  run: Math.floor(fence / maxStarts),
  start: fence % maxStarts,
})
