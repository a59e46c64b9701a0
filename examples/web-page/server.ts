import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { ConflictError, createClient } from 'drover/client'

// Serves the page, and submits and cancels for it. Nothing in the page knows the API key.

interface Types {
  'count-primes': { input: { limit: number }; output: { count: number; largest: number | null } }
}

const url = process.env['DROVER_URL'] ?? 'http://127.0.0.1:3000'
const key = process.env['DROVER_KEY']
const client = createClient<Types>({ url, ...(key !== undefined && { key }) })

async function start() {
  const job = await client.jobs.submit('count-primes', { limit: 100_000_000 })
  const made = (await client.request('POST', `/v1/jobs/${job.id}/tokens`, { body: {} })) as { token: string }
  return { id: job.id, events: `${url}${job.links.events}?token=${made.token}` }
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    return createReadStream(new URL('index.html', import.meta.url)).pipe(response)
  }
  try {
    const cancel = /^\/cancel\/(\w+)$/.exec(request.url ?? '')
    const answer = cancel?.[1] === undefined ? await start() : await client.jobs.cancel(cancel[1])
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  } catch (error) {
    console.error(error)
    // A job that has ended cannot be canceled.
    return response.writeHead(error instanceof ConflictError ? 409 : 502).end()
  }
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => console.log('listening', server.address()))
