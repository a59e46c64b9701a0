import { type Doc, textOf } from '../client/document.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { onStdout, Screen, styleOf } from '../terminal/screen.ts'
import { pathOf } from '../things.ts'

type SteerFlags = FormatFlags & ServerFlags

/** Cancels jobs or flows. Each is tried, and the first failure is that of the command. */
export const cancel = reporting((flags: SteerFlags, ...ids: string[]) => steer(flags, ids, 'POST', '/cancel'))

/** Runs jobs or flows that did not succeed again. */
export const retry = reporting((flags: SteerFlags, ...ids: string[]) => steer(flags, ids, 'POST', '/retry'))

/** Deletes ended jobs or flows. */
export const remove = reporting((flags: ServerFlags, ...ids: string[]) =>
  steer({ ...flags, output: 'table', json: false }, ids, 'DELETE', ''),
)

async function steer(flags: SteerFlags, ids: readonly string[], method: string, verb: string): Promise<void> {
  const client = await openClient(flags)
  const format = formatOf(flags)
  const screen = new Screen()
  const changed: Doc[] = []
  const failures: CommandFailure[] = []
  for (const id of ids) {
    try {
      const isRepeatable = verb !== '/retry'
      const thing = await client.call(method, `${pathOf(id)}${verb}`, { isRepeatable })
      changed.push(thing)
      if (format === 'ndjson') screen.jsonLine(thing)
      else if (format === 'table') screen.data(summary(id, thing))
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error
      failures.push(error)
    }
  }
  if (format === 'json' && changed.length > 0) screen.json(ids.length === 1 ? changed[0] : { items: changed })
  screen.stop()
  const [first] = failures
  if (first !== undefined) throw Object.assign(first, { message: failures.map(({ message }) => message).join('\n') })
}

function summary(id: string, thing: Doc): string {
  const state = textOf(thing['state'])
  if (state === '') return `${escapeText(id)} deleted`
  const isStopping = thing['done'] !== true && textOf(thing['cancel_requested_at']) !== ''
  return `${escapeText(id)} ${onStdout(styleOf(state), escapeText(state))}${isStopping ? ', being stopped' : ''}`
}
