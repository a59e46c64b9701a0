import type { CommandContext } from '@stricli/core'

export type Output = 'table' | 'json'

/** The flag of every command that lists something. */
export const outputFlag = {
  kind: 'enum',
  values: ['table', 'json'],
  default: 'table',
  brief: 'A table for people, or one JSON document',
} as const

/** Writes rows to stdout, as one JSON document or as a table with the names of their fields above. */
export function writeRows<R extends Record<string, string>>(
  { process }: CommandContext,
  output: Output,
  fields: readonly (keyof R & string)[],
  rows: readonly R[],
): void {
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(rows)}\n`)
    return
  }
  const cells = [
    fields.map((field) => field.replaceAll('_', ' ')),
    ...rows.map((row) => fields.map((f) => row[f] ?? '')),
  ]
  const widths = fields.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  for (const row of cells) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    process.stdout.write(`${line.trimEnd()}\n`)
  }
}
