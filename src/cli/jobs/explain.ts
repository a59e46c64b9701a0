import { segment } from '../client/client.ts'
import { docOf, listOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText, toSafeJson } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'

/** Prints why a job waits, its position, and when it may start. */
export const explain = reporting(async (flags: FormatFlags & ServerFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  const answer = await client.call('GET', `/v1/jobs/${segment(id)}/explain`)
  const screen = new Screen()
  const format = formatOf(flags)
  if (format === 'json') screen.json(answer)
  else if (format === 'ndjson') screen.jsonLine(answer)
  else {
    screen.data(escapeText(`${id} ${textOf(answer['state'])}`))
    for (const { kind, ...fields } of listOf(answer['reasons']).map(docOf)) {
      const about = Object.entries(fields).filter(([, value]) => value !== null)
      screen.data(
        `  ${escapeText(textOf(kind))}  ${about.map(([name, value]) => `${escapeText(name)}=${toSafeJson(value)}`).join(' ')}`,
      )
    }
    const position = textOf(answer['position'])
    if (position !== '') screen.data(`position  ${escapeText(position)}`)
    const { earliest_at: earliest, latest_at: latest, basis } = docOf(answer['estimate'])
    if (textOf(earliest) !== '') {
      screen.data(escapeText(`starts  ${textOf(earliest)} to ${textOf(latest) || 'unknown'} (${textOf(basis)})`))
    }
  }
  screen.stop()
})
