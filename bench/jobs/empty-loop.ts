import { defineJob } from 'drover'
import { z } from 'zod'

/** Does nothing on the event loop: what is left is the way there and back. */
export default defineJob({
  type: 'empty-loop',
  title: 'Nothing, on the event loop',
  runsOn: 'event-loop',
  queue: 'cpu',
  input: z.null(),
  output: z.null(),
  async run() {
    return null
  },
})
