import { defineJob } from 'drover'
import { z } from 'zod'

const order = z.object({ country: z.string(), total: z.number() })

export default defineJob({
  type: 'nightly-report',
  title: 'Sum up the orders of a shop',
  runsOn: 'event-loop',
  input: z.object({ orders_url: z.url() }),
  output: z.object({ orders: z.int(), by_country: z.record(z.string(), z.number()) }),
  // A shop that is down for an hour does not cost the report.
  attempts: 10,
  backoff: { type: 'exponential', delayMs: 10_000, jitter: 0.2 },
  async run({ orders_url }, job) {
    const response = await job.fetch(orders_url)
    if (!response.ok) throw new Error(`the shop answers ${response.status}`)
    const orders = z.array(order).parse(await response.json())
    const byCountry = Map.groupBy(orders, ({ country }) => country)
    job.log(`${orders.length} orders of ${byCountry.size} countries`)
    return {
      orders: orders.length,
      by_country: Object.fromEntries(
        Array.from(byCountry, ([country, of]) => [country, of.reduce((sum, { total }) => sum + total, 0)]),
      ),
    }
  },
})
