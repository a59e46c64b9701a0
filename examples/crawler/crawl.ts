import { chain, createClient, type JobsOf, map } from 'drover/client'
import type extractLinks from '../../src/jobs/catalog/extract-links.ts'
import type checkLink from './jobs/check-link.ts'
import type linkReport from './jobs/link-report.ts'

const client = createClient<JobsOf<typeof extractLinks | typeof checkLink | typeof linkReport>>({
  url: process.env['DROVER_URL'] ?? 'http://127.0.0.1:3000',
})
const { job } = client.flows

const report = await client.flows.run(
  chain(
    job('extract-links', { urls: [process.argv[2] ?? 'https://example.com/'] }),
    ({ pages }) => map(pages[0].links, (url) => job('check-link', { url }), { limit: 500, on_failure: 'continue' }),
    (checks) => job('link-report', { checks }),
  ),
)
console.log(`${report.checked} links, ${report.broken.length} of them broken`)
for (const line of report.broken) console.log(line)
