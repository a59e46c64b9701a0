import { dirname, resolve } from 'node:path'
import type { CommandContext } from '@stricli/core'
import { parseBoundedValue } from '../../jobs/parse-value.ts'
import { resolveCommand } from '../../jobs/program/resolve-command.ts'
import { loadJob } from '../../jobs/registry.ts'
import { checkProgram } from '../../worker/executors/program/conformance.ts'
import { CommandFailure } from '../command-failure.ts'
import { type FormatFlags, type Row, writeRows } from '../output.ts'

const fields = ['case', 'result', 'detail'] as const

interface Flags extends FormatFlags {
  input?: string
}

/** Speaks each case of docs/handler-protocol.md to the program of a job file. @returns a CommandFailure if one fails */
export async function checkHandler(this: CommandContext, flags: Flags, file: string): Promise<Error | undefined> {
  const path = resolve(file)
  const job = await loadJob(path)
  if (!job.program) return new CommandFailure('usage', `${file}: the handler of ${job.type} is no program`)
  const { missing } = resolveCommand(job.program.command, { folder: dirname(path), path: process.env['PATH'] })
  if (missing !== undefined) return new CommandFailure('usage', `${file}: ${missing}`)
  const given: unknown = flags.input === undefined ? job.examples[0]?.input : JSON.parse(flags.input)
  const parsed = parseBoundedValue(job.input, given)
  if (!parsed.success) {
    const hint = 'give the definition an example, or the command an --input that satisfies the schema'
    return new CommandFailure('usage', `${file}: ${parsed.error.issues[0]?.message ?? 'invalid input'}: ${hint}`)
  }
  const rows: Row[] = []
  for await (const { case: name, result, detail } of checkProgram({ job, file: path }, parsed.data)) {
    rows.push({ case: name, result, detail })
  }
  writeRows(this, flags, fields, rows)
  const failed = rows.filter(({ result }) => result === 'fail')
  return failed.length > 0 ? new CommandFailure('failed', `${failed.length} of ${rows.length} cases failed`) : undefined
}
