import { type Client, segment } from '../client/client.ts'
import { type Doc, docOf } from '../client/document.ts'
import { followEvents } from '../client/follow-events.ts'
import { readItems } from '../client/read-pages.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage, type WatchFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'
import { untilEnd } from '../terminal/until-end.ts'
import { logLine } from './job-view.ts'

interface LogsFlags extends FormatFlags, ServerFlags, WatchFlags {
  follow: boolean
}

/** Prints the log of a job's current run; with --follow also what is logged until it ends. */
export const logs = reporting(async (flags: LogsFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  const format = formatOf(flags)
  if (flags.follow && format === 'json')
    usage('--follow: use --output ndjson, since there is no document before the end')
  const screen = new Screen({ isQuiet: flags.quiet })
  const print = (line: Doc) => (format === 'ndjson' ? screen.jsonLine(line) : screen.data(logLine(line)))
  const path = `/v1/jobs/${segment(id)}`
  try {
    if (flags.follow) {
      const shown = escapeText(id)
      const cancel = async () => void (await client.call('POST', `${path}/cancel`, { isRepeatable: true }))
      await untilEnd(
        { screen, id: shown, again: `drover logs -f ${shown}`, timeoutMs: flags.timeout, cancel },
        (signal) => follow(client, path, signal, print),
      )
    } else {
      const items = (await Array.fromAsync(readItems(client, `${path}/logs`))).map(docOf)
      if (format === 'json') screen.json({ items })
      else items.forEach(print)
    }
  } finally {
    screen.stop()
  }
})

async function follow(client: Client, path: string, signal: AbortSignal, print: (line: Doc) => void): Promise<void> {
  for await (const { event, data } of followEvents(client, `${path}/events`, { signal })) {
    if (event === 'log') print(docOf(data))
    // The stream of a job that has ended has no log lines.
    if (event === 'snapshot' && docOf(data)['done'] === true) {
      for await (const line of readItems(client, `${path}/logs`, signal)) print(docOf(line))
    }
  }
}
