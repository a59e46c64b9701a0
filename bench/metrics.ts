/**
 * The cost of metrics: `node --import ./src/jobs/module-hooks.ts bench/metrics.ts`. CPU time of the counts of one submission
 * (request and job), and the time to render the page of series. Needs no Redis.
 */
import { ApiMetrics } from '../src/api/health/metrics.ts'

const metrics = new ApiMetrics(['echo'])
const times = 500_000

function submission(): void {
  metrics.requestAnswered({ route: '/v1/jobs', method: 'POST', status: 202, ms: 7.3 })
  metrics.jobSubmitted('echo', 'acme')
}

for (let round = 1; round <= 3; round++) {
  const before = process.cpuUsage()
  for (let n = 0; n < times; n++) submission()
  const { user, system } = process.cpuUsage(before)
  console.log(`a submission, round ${round}: ${((user + system) / times).toFixed(2)} µs`)
}

const routes = Array.from({ length: 25 }, (_, n) => `/v1/route-${n}`)
for (const route of routes) {
  for (const status of [200, 400, 503]) metrics.requestAnswered({ route, method: 'GET', status, ms: 1 })
}
const from = performance.now()
const { text } = await metrics.read()
console.log(`a page of ${text.split('\n').length} lines: ${(performance.now() - from).toFixed(1)} ms`)
