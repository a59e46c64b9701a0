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
    for (const { kind, detail, at, ...fields } of listOf(answer['reasons']).map(docOf)) {
      // A server may know reasons that have no sentence.
      const about = textOf(detail) === '' ? toSafeJson(fields) : escapeText(textOf(detail))
      const until = textOf(at) === '' ? '' : escapeText(` (until ${textOf(at)})`)
      screen.data(`${escapeText(textOf(kind))}: ${about}${until}`)
    }
    const position = textOf(answer['position'])
    if (position !== '') screen.data(escapeText(`position: ${position}`))
    const { earliest_at: earliest, latest_at: latest } = docOf(answer['estimate'])
    if (textOf(earliest) !== '') {
      const isOpen = textOf(latest) === ''
      const when = isOpen ? `from ${textOf(earliest)} on` : `between ${textOf(earliest)} and ${textOf(latest)}`
      screen.data(escapeText(`starts: ${when}`))
    }
  }
  screen.stop()
})
