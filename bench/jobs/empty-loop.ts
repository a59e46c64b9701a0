import { defineJob } from 'drover'
import { z } from 'zod'

/** Does nothing on the event loop: only the dispatch is measured. */
export default defineJob({
  type: 'empty-loop',
  title: 'Do nothing on the event loop',
  runsOn: 'event-loop',
  queue: 'cpu',
  input: z.null(),
  output: z.null(),
  async run() {
    return null
  },
})
