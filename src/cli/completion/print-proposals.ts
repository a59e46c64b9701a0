import { type ApplicationContext, proposeCompletions } from '@stricli/core'
import { buildApp } from '../app.ts'
import { inputFields } from '../jobs/input-fields.ts'
import { takenFlags } from '../jobs/run-command.ts'
import { escapeText } from '../terminal/escape.ts'
import { readInputSchema } from './read-types.ts'

/** Prints what the last word may become: a line for each, with a tab before its description. */
export async function printProposals(words: readonly string[], context: ApplicationContext): Promise<void> {
  const [command, type] = words
  const isFlag = command === 'run' && type !== undefined && words.length > 2 && words.at(-1)?.startsWith('-')
  const fields = isFlag ? inputFields(await readInputSchema(type), takenFlags) : []
  for (const { completion, brief } of await proposeCompletions(
    buildApp({ fields, input: undefined }),
    words,
    context,
  )) {
    process.stdout.write(`${escapeText(completion)}\t${escapeText(brief)}\n`)
  }
}
