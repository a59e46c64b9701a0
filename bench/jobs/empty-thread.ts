import { defineJob } from 'drover'
import { z } from 'zod'

/** Does nothing in a thread: only the dispatch is measured. */
export default defineJob({
  type: 'empty-thread',
  title: 'Do nothing in a thread',
  runsOn: 'thread',
  queue: 'cpu',
  input: z.null(),
  output: z.null(),
  async run() {
    return null
  },
})
