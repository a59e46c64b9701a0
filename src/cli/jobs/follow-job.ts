import { type Client, segment } from '../client/client.ts'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { followEvents } from '../client/follow-events.ts'
import { readItems } from '../client/read-pages.ts'
import type { Format } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import type { Screen } from '../terminal/screen.ts'
import { untilEnd } from '../terminal/until-end.ts'
import { endAs } from './job-end.ts'
import { JobView } from './job-view.ts'

export interface Watching {
  client: Client
  screen: Screen
  format: Format
  timeoutMs: number | undefined
  /** Whether nothing but the end is printed. */
  isSilent?: boolean
}

/**
 * Watches a job to its end and prints it: values and output as JSON, the whole job with --json, its events with --output ndjson.
 *
 * @throws CommandFailure unless it succeeds
 */
export async function followJob(id: string, watching: Watching): Promise<void> {
  const { client, screen, timeoutMs, isSilent } = watching
  const path = `/v1/jobs/${segment(id)}`
  const cancel = async () => void (await client.call('POST', `${path}/cancel`, { isRepeatable: true }))
  const shown = escapeText(id)
  const job = await untilEnd({ screen, id: shown, again: `drover watch ${shown}`, timeoutMs, cancel }, (signal) =>
    isSilent ? waitForEnd(client, path, signal) : watchEvents(watching, path, signal),
  )
  await printEnd(watching, job)
  endAs(job)
}

async function watchEvents({ client, screen, format }: Watching, path: string, signal: AbortSignal): Promise<Doc> {
  const view = new JobView(screen, format)
  try {
    for await (const event of followEvents(client, `${path}/events`, { signal, onBreak: () => view.onBreak() })) {
      view.on(event)
      if (event.event === 'snapshot' && docOf(event.data)['done'] === true) await showEnded(client, path, view, signal)
      if (event.event === 'done') return docOf(event.data)
    }
    return await client.call('GET', path, { signal })
  } finally {
    view.stop()
  }
}

/** The stream of a job that ended before has neither its log nor its values. */
async function showEnded(client: Client, path: string, view: JobView, signal: AbortSignal): Promise<void> {
  for await (const data of readItems(client, `${path}/logs`, signal)) view.on({ event: 'log', data })
  for await (const value of readItems(client, `${path}/values`, signal, 'after')) {
    view.on({ event: 'output', data: { value } })
  }
}

/** Waits by reads that the server answers at the end. */
export async function waitForEnd(client: Client, path: string, signal: AbortSignal): Promise<Doc> {
  for (;;) {
    const read = await client.call('GET', path, { headers: { prefer: 'wait=50' }, signal })
    if (read['done'] === true) return read
  }
}

async function printEnd({ client, screen, format }: Watching, job: Doc): Promise<void> {
  const path = `/v1/jobs/${segment(textOf(job['id']))}`
  const isCut = typeof job['output_bytes'] === 'number'
  if (format === 'json') screen.json(isCut ? await client.call('GET', path) : job)
  else if (format === 'table' && job['state'] === 'succeeded') {
    if (isCut) screen.json(await client.value('GET', `${path}/output`))
    else screen.json(job['output'])
  }
}
