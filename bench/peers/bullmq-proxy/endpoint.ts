/** Runs the jobs that bullmq-proxy sends: each returns its input. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { job }: { job: { data: unknown } } = JSON.parse(Buffer.concat(chunks).toString())
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(job.data))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address: string | AddressInfo | null = server.address()
  console.log(JSON.stringify({ msg: 'ready', port: typeof address === 'object' ? address?.port : 0 }))
})
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
