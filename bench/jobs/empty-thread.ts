import { defineJob } from 'drover'
import { z } from 'zod'

/** Does nothing in a thread: what is left is the way there and back. */
export default defineJob({
  type: 'empty-thread',
  title: 'Nothing, in a thread',
  runsOn: 'thread',
  queue: 'cpu',
  input: z.null(),
  output: z.null(),
  async run() {
    return null
  },
})
