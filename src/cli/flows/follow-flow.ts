import { segment } from '../client/client.ts'
import { type Doc, docOf } from '../client/document.ts'
import { followEvents } from '../client/follow-events.ts'
import { readItems } from '../client/read-pages.ts'
import { type Watching, waitForEnd } from '../jobs/follow-job.ts'
import { endAs } from '../jobs/job-end.ts'
import { escapeText } from '../terminal/escape.ts'
import { untilEnd } from '../terminal/until-end.ts'
import { FlowView } from './flow-view.ts'

/**
 * Watches a flow to its end. Prints its results as lines of JSON, the flow with --json, its events with --output ndjson.
 *
 * @throws CommandFailure unless it succeeds
 */
export async function followFlow(id: string, watching: Watching): Promise<void> {
  const { client, screen, format, timeoutMs, isSilent } = watching
  const path = `/v1/flows/${segment(id)}`
  const cancel = async () => void (await client.call('POST', `${path}/cancel`, { isRepeatable: true }))
  const shown = escapeText(id)
  const flow = await untilEnd({ screen, id: shown, again: `drover watch ${shown}`, timeoutMs, cancel }, (signal) =>
    isSilent ? waitForEnd(client, path, signal) : watchEvents(watching, path, signal),
  )
  if (format === 'json') screen.json(flow)
  else if (format === 'table') {
    for await (const result of readItems(client, `${path}/results`)) screen.jsonLine(result)
  }
  endAs(flow)
}

async function watchEvents({ client, screen, format }: Watching, path: string, signal: AbortSignal): Promise<Doc> {
  const view = new FlowView(client, path, screen)
  try {
    await view.start(signal)
    const onBreak = () => screen.note('the connection broke; the stream resumes')
    for await (const { event, data } of followEvents(client, `${path}/events`, { signal, onBreak })) {
      if (format === 'ndjson') screen.jsonLine({ event, data })
      if (event === 'member') view.onMember(docOf(data))
      if (event === 'done') return docOf(data)
    }
    return await client.call('GET', path, { signal })
  } finally {
    view.stop()
  }
}
