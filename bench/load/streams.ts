import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'

/** Maximum number of streams that are opened at the same time. */
const opening = 64

const open = new Set<ClientRequest>()
const delays: number[] = []
let watched = 0

/** Opens one event stream per path. Resolves when each has received its first event. */
export async function openStreams(options: {
  origin: string
  paths: string[]
  headers: Record<string, string>
}): Promise<void> {
  const { origin, headers } = options
  const paths = [...options.paths]
  watched += paths.length
  const opener = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) await openStream(origin + path, headers)
  }
  await Promise.all(Array.from({ length: opening }, opener))
}

async function openStream(url: string, headers: Record<string, string>): Promise<void> {
  const asked = request(url, { headers }).end()
  open.add(asked)
  const [response] = await once(asked, 'response')
  if (response.statusCode !== 200) throw new Error(`${url} was answered ${response.statusCode}`)
  let text = ''
  const begun = new Promise<void>((resolve) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('event: snapshot')) resolve()
      const done = /event: done\ndata: (.*)\n\n/.exec(text)
      if (done?.[1] !== undefined) delays.push(Date.now() - Date.parse(JSON.parse(done[1]).finished_at))
      text = text.slice(text.lastIndexOf('\n\n') + 2)
    })
  })
  await begun
}

/** Time from the end of its job to the `done` of each stream, in ms, and the number of streams without `done`. */
export async function endsSeen(): Promise<{ delays: number[]; missing: number }> {
  return { delays, missing: watched - delays.length }
}

/** Closes all streams and resets the counts. */
export async function closeStreams(): Promise<void> {
  for (const asked of open) asked.destroy()
  open.clear()
  delays.length = 0
  watched = 0
}
