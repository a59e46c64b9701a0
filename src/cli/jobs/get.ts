import { type Doc, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText, toSafeJson } from '../terminal/escape.ts'
import { onStdout, Screen, styleOf } from '../terminal/screen.ts'
import { pathOf } from '../things.ts'

/** Not shown to people: what follows from other fields, or is where to read more. */
const hidden = new Set(['links', 'done'])

/** Shows a job or a flow, whatever its state. */
export const get = reporting(async (flags: FormatFlags & ServerFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  printThing(await client.call('GET', pathOf(id)), flags)
})

/** Prints a document: its fields one below the other, or as JSON. */
export function printThing(thing: Doc, flags: FormatFlags): void {
  const screen = new Screen()
  const format = formatOf(flags)
  if (format === 'json') screen.json(thing)
  else if (format === 'ndjson') screen.jsonLine(thing)
  else for (const line of fieldLines(thing)) screen.data(line)
  screen.stop()
}

/** The fields that have a value, aligned. */
export function fieldLines(thing: Doc): string[] {
  const shown = Object.entries(thing).filter(([name, value]) => !hidden.has(name) && !isNothing(value))
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${escapeText(name).padEnd(width)}  ${cellOf(name, value)}`)
}

function cellOf(name: string, value: unknown): string {
  if (typeof value === 'object') return toSafeJson(value)
  const text = escapeText(textOf(value))
  return name === 'state' ? onStdout(styleOf(text), text) : text
}

const isNothing = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)
