import { textOf } from '../client/document.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { onStdout, Screen, styleOf } from '../terminal/screen.ts'
import { pathOf } from '../things.ts'

type SignalFlags = FormatFlags & ServerFlags

/** Sends a signal to a job. Its payload is JSON, null where none is given. */
export const signal = reporting(async (flags: SignalFlags, id: string, name: string, payload?: string) => {
  const body = parsePayload(payload ?? 'null')
  const client = await openClient(flags)
  const path = `${pathOf(id)}/signals/${encodeURIComponent(name)}`
  // As text: the client sends a text as it is.
  const job = await client.call('POST', path, { body: JSON.stringify(body), isRepeatable: true })
  const screen = new Screen()
  const state = textOf(job['state'])
  if (formatOf(flags) === 'table') screen.data(`${escapeText(id)} ${onStdout(styleOf(state), escapeText(state))}`)
  else screen.json(job)
  screen.stop()
})

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandFailure(
      'usage',
      `the payload is no JSON: ${escapeText(text.slice(0, 100))}. A text needs quotes: '"approved"'`,
    )
  }
}
