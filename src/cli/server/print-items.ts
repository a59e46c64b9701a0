import { type Doc, itemsOf } from '../client/document.ts'
import { type FormatFlags, formatOf, type Row, tableOf } from '../output.ts'
import { Screen } from '../terminal/screen.ts'

/** Prints the items of a document: the document itself as JSON, or a row of a table for each. */
export function printItems<R extends Row>(
  document: Doc,
  flags: FormatFlags,
  fields: readonly (keyof R & string)[],
  rowOf: (item: Doc) => R,
): void {
  const format = formatOf(flags)
  const screen = new Screen()
  const items = itemsOf(document)
  if (format === 'json') screen.json(document)
  else if (format === 'ndjson') for (const item of items) screen.jsonLine(item)
  else process.stdout.write(tableOf(fields, items.map(rowOf)))
  screen.stop()
}
