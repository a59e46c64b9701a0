import type { CommandContext } from '@stricli/core'
import { escapeText, toSafeJson } from './terminal/escape.ts'

export type Format = 'table' | 'json' | 'ndjson'

/** The flags of every command that prints data. */
export const formatFlags = {
  output: {
    kind: 'enum',
    values: ['table', 'json', 'ndjson'],
    default: 'table',
    brief: 'For people, as one JSON document, or as one line of JSON for each item or event',
  },
  json: { kind: 'boolean', default: false, withNegated: false, brief: 'The same as --output json' },
} as const

export interface FormatFlags {
  output: Format
  json: boolean
}

export const formatOf = ({ output, json }: FormatFlags): Format => (json ? 'json' : output)

/** A row of a table, by the names of its columns. */
export type Row = Record<string, string>

/** Writes rows to stdout, as one JSON document, as lines of JSON, or as a table with the names of their fields above. */
export function writeRows<R extends Row>(
  { process }: CommandContext,
  flags: FormatFlags,
  fields: readonly (keyof R & string)[],
  rows: readonly R[],
): void {
  const format = formatOf(flags)
  if (format === 'json') process.stdout.write(`${toSafeJson(rows)}\n`)
  else if (format === 'ndjson') for (const row of rows) process.stdout.write(`${toSafeJson(row)}\n`)
  else process.stdout.write(tableOf(fields, rows))
}

/** Lines with aligned columns, under the names of the fields. `style` may colour a cell after it was padded. */
export function tableOf<R extends Row>(
  fields: readonly (keyof R & string)[],
  rows: readonly R[],
  style: (field: string, cell: string, value: string) => string = (_, cell) => cell,
): string {
  const head = fields.map((field) => field.replaceAll('_', ' '))
  const cells = rows.map((row) => fields.map((field) => escapeText(row[field] ?? '')))
  const widths = fields.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0)))
  const lineOf = (row: string[], isHead: boolean) =>
    row
      .map((value, column) => {
        const isLast = column === row.length - 1
        const cell = isLast ? value : value.padEnd(widths[column] ?? 0)
        return isHead ? cell : style(fields[column] ?? '', cell, value)
      })
      .join('  ')
      .trimEnd()
  return [lineOf(head, true), ...cells.map((row) => lineOf(row, false))].map((line) => `${line}\n`).join('')
}
