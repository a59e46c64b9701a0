import { defineJob, PermanentError } from 'drover'
import { z } from 'zod'

export default defineJob({
  type: 'word-count',
  title: 'Count the words of a page',
  runsOn: 'event-loop',
  input: z.object({ url: z.url() }),
  output: z.object({ words: z.int(), longest: z.string() }),
  attempts: 3,
  async run({ url }, job) {
    const response = await job.fetch(url)
    // Another attempt would not find it either.
    if (response.status === 404) throw new PermanentError('there is no such page', { code: 'no_page' })
    if (!response.ok) throw new Error(`the page answered ${response.status}`)
    job.progress(0.5, 'downloaded')
    const words = (await response.text()).match(/\p{L}+/gu) ?? []
    return { words: words.length, longest: words.reduce((a, b) => (b.length > a.length ? b : a), '') }
  },
})
