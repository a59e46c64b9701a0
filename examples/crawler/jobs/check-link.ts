import { defineJob } from 'drover'
import { z } from 'zod'

export default defineJob({
  type: 'check-link',
  title: 'Check a link',
  runsOn: 'event-loop',
  input: z.object({ url: z.url() }),
  output: z.object({ url: z.string(), status: z.int() }),
  attempts: 3,
  timeoutMs: 10_000,
  // No more than five at once on one host, over all workers.
  concurrency: { key: ({ url }) => new URL(url).host, limit: 5 },
  async run({ url }, job) {
    const response = await job.fetch(url, { method: 'HEAD' })
    if (response.status >= 500) throw new Error(`${url} answers ${response.status}`)
    return { url, status: response.status }
  },
})
