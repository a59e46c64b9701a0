import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { createClient, InvalidRequestError, type JobsOf } from 'drover/client'
import type chat from './jobs/chat.ts'

// Serves the page. It alone has the API key: the browser gets a token that reads one job, for ten minutes.

const url = process.env['DROVER_URL'] ?? 'http://127.0.0.1:3000'
const key = process.env['DROVER_KEY']
const client = createClient<JobsOf<typeof chat>>({ url, ...(key !== undefined && { key }) })

async function ask(prompt: string) {
  const job = await client.jobs.submit('chat', { prompt })
  const made = (await client.request('POST', `/v1/jobs/${job.id}/tokens`, { body: {} })) as { token: string }
  return { events: `${url}${job.links.events}?token=${made.token}` }
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    return createReadStream(new URL('index.html', import.meta.url)).pipe(response)
  }
  try {
    const { prompt } = (await json(request)) as { prompt: string }
    return response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(await ask(prompt)))
  } catch (error) {
    console.error(error)
    return response.writeHead(error instanceof InvalidRequestError || error instanceof SyntaxError ? 400 : 502).end()
  }
})
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => console.log('listening', server.address()))
