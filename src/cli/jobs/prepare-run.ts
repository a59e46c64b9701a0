import { segment } from '../client/client.ts'
import { docOf } from '../client/document.ts'
import { CommandFailure } from '../command-failure.ts'
import { openClient } from '../flags.ts'
import { inputFields } from './input-fields.ts'
import { takenFlags } from './run-command.ts'
import type { RunType } from './run-type.ts'
import { takeFields } from './take-fields.ts'

export interface PreparedRun {
  type: RunType
  args: string[]
}

/**
 * Reads the flags of `drover run TYPE …` that come from the job type. Asks the server for its schema where there are other flags than those
 * of `run` itself.
 *
 * @throws CommandFailure where the server is not reached, does not know the type, or a value is wrong
 */
export async function prepareRun(args: readonly string[]): Promise<PreparedRun> {
  const [type, ...rest] = args
  const asIs = { type: { fields: [], input: undefined }, args: [...args] }
  if (type === undefined || type.startsWith('-')) return asIs
  const isHelp = rest.some((arg) => arg === '--help' || arg === '-h')
  if (!isHelp && !hasOtherFlags(rest)) return asIs
  let fields
  try {
    const client = await openClient({ context: contextOf(rest) })
    const { input } = await client.call('GET', `/v1/job-types/${segment(type)}`)
    fields = inputFields(docOf(input), takenFlags)
  } catch (error) {
    if (!isHelp || !(error instanceof CommandFailure)) throw error
    process.stderr.write(`drover: the flags of ${type} are not listed: ${error.message}\n`)
    return asIs
  }
  if (isHelp) return { type: { fields, input: undefined }, args: [...args] }
  const taken = takeFields(rest, fields)
  return { type: { fields, input: taken.input }, args: [type, ...taken.rest] }
}

const ownAliases = /^-[ifwdqh]$/

function hasOtherFlags(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? undefined : end).some((arg) => {
    if (!arg.startsWith('-') || arg === '-' || ownAliases.test(arg)) return false
    const name = arg.replace(/^--?/, '').replace(/=[^]*$/, '')
    return !takenFlags.has(name)
  })
}

/** The context that is named, which stricli reads later. */
function contextOf(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === '--context')
  if (at !== -1) return args[at + 1]
  return args.find((arg) => arg.startsWith('--context='))?.slice('--context='.length)
}
