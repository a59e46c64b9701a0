import { defineJob } from 'drover'
import { z } from 'zod'
import checkLink from './check-link.ts'
import linkReport from './link-report.ts'

const pagesSchema = z.object({ pages: z.array(z.object({ links: z.array(z.string()) })) })

export default defineJob({
  type: 'crawl-site',
  title: 'Check the links of a page',
  runsOn: 'event-loop',
  input: z.object({ url: z.url() }),
  output: linkReport.output,
  async run({ url }, job) {
    const { pages } = pagesSchema.parse(await job.run('extract-links', { urls: [url] }))
    const links = pages[0]?.links.slice(0, 500) ?? []
    const checks = await job.gather(
      links.map((link) => ({ type: checkLink, input: { url: link } })),
      { settled: true },
    )
    return job.run(linkReport, {
      checks: checks.map((check, n) =>
        check.status === 'fulfilled' ? checkLink.output.parse(check.value) : { detail: `${links[n]} has no answer` },
      ),
    })
  },
})
