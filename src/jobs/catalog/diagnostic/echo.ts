import { z } from 'zod'
import { defineJob } from '../../define-job.ts'

/** The smallest job: measures the overhead of the service itself. */
export default defineJob({
  type: 'echo',
  title: 'Return the input',
  description: 'Diagnostic. Takes any JSON and returns the same.',
  runsOn: 'event-loop',
  input: z.unknown(),
  output: z.unknown(),
  examples: [{ input: { hello: ['world', 1, null] }, output: { hello: ['world', 1, null] } }],
  async run(input) {
    return input
  },
})
