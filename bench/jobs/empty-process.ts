import { defineJob } from 'drover'
import { z } from 'zod'

/** Does nothing in a process: only the dispatch is measured. */
export default defineJob({
  type: 'empty-process',
  title: 'Do nothing in a process',
  runsOn: 'process',
  queue: 'cpu',
  input: z.null(),
  output: z.null(),
  async run() {
    return null
  },
})
