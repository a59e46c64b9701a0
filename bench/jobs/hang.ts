import { once } from 'node:events'
import { defineJob } from 'drover'
import { z } from 'zod'

/** Runs until it is stopped. */
export default defineJob({
  type: 'hang',
  title: 'Run until it is stopped',
  runsOn: 'event-loop',
  input: z.unknown(),
  output: z.null(),
  timeoutMs: 24 * 3_600_000,
  async run(_input, job) {
    await once(job.signal, 'abort')
    return null
  },
})
