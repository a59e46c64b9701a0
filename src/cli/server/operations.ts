import { segment } from '../client/client.ts'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { followEvents } from '../client/follow-events.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage, type WatchFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import { type FilterFlags, filterOf } from '../jobs/list.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { bar } from '../terminal/bar.ts'
import { escapeText } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'
import { untilEnd } from '../terminal/until-end.ts'
import { printItems } from './print-items.ts'

type OperationFlags = FormatFlags & ServerFlags

interface StartFlags extends FilterFlags, OperationFlags, WatchFlags {
  limit?: number | undefined
  apply: boolean
}

const fields = ['id', 'action', 'state', 'matched', 'succeeded', 'failed', 'skipped'] as const

const pathOf = (id: string): string => `/v1/operations/${segment(id)}`

/** Lists operations. */
export const listOperations = reporting(async (flags: OperationFlags): Promise<void> => {
  const client = await openClient(flags)
  printItems(await client.call('GET', '/v1/operations'), flags, fields, rowOf)
})

/** Shows an operation. */
export const getOperation = reporting(async (flags: OperationFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  printThing(await client.call('GET', pathOf(id)), flags)
})

/** Stops an operation. */
export const cancelOperation = reporting(async (flags: OperationFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  printThing(await client.call('POST', `${pathOf(id)}/cancel`, { isRepeatable: true }), flags)
})

/** Starts an operation, by default one that counts alone, and follows it to its end. */
export const startOperation = reporting(async (flags: StartFlags, action: string): Promise<void> => {
  const filter = Object.fromEntries(Object.entries(filterOf(flags)).filter(([, value]) => value !== undefined))
  if (Object.keys(filter).length === 0) usage('name a filter, such as --state failed')
  const client = await openClient(flags)
  const body = { action, filter, dry_run: !flags.apply, ...(flags.limit !== undefined && { limit: flags.limit }) }
  const operation = await client.call('POST', '/v1/operations', { body })
  await follow(flags, textOf(operation['id']), operation)
  if (!flags.apply && !flags.quiet) process.stderr.write('drover: jobs were counted alone; --apply changes them\n')
})

/** Follows an operation to its end. */
export const watchOperation = reporting((flags: OperationFlags & WatchFlags, id: string) => follow(flags, id, {}))

async function follow(flags: OperationFlags & WatchFlags, id: string, started: Doc): Promise<void> {
  const client = await openClient(flags)
  const screen = new Screen({ isQuiet: flags.quiet })
  const shown = escapeText(id)
  const cancel = async () => void (await client.call('POST', `${pathOf(id)}/cancel`, { isRepeatable: true }))
  const again = `drover operations watch ${shown}`
  try {
    const ended = await untilEnd({ screen, id: shown, again, timeoutMs: flags.timeout, cancel }, async (signal) => {
      if (started['done'] === true) return started
      for await (const { event, data } of followEvents(client, `${pathOf(id)}/events`, { signal })) {
        if (formatOf(flags) === 'ndjson') screen.jsonLine({ event, data })
        const operation = docOf(data)
        screen.show([lineOf(operation)])
        if (event === 'done') return operation
      }
      return client.call('GET', pathOf(id), { signal })
    })
    screen.stop()
    if (formatOf(flags) === 'table') printItems({ items: [ended] }, flags, fields, rowOf)
    else if (formatOf(flags) === 'json') printThing(ended, flags)
    endAs(shown, ended)
  } finally {
    screen.stop()
  }
}

function lineOf(operation: Doc): string {
  const { fraction, message } = docOf(operation['progress'])
  return `${bar(typeof fraction === 'number' ? fraction : undefined)}  ${escapeText(textOf(message))}`
}

/** @throws CommandFailure unless it changed, or counted, all that it matched */
function endAs(id: string, operation: Doc): void {
  const { code, message } = docOf(operation['error'])
  const state = textOf(operation['state'])
  const failed = Number(operation['failed'] ?? 0)
  if (state === 'canceled') throw new CommandFailure('stopped', `${id} was canceled`)
  if (state === 'failed')
    throw new CommandFailure('failed', escapeText(`${id} failed: ${textOf(code)}: ${textOf(message)}`))
  if (failed > 0)
    throw new CommandFailure('failed', `${id}: ${failed} jobs failed: drover operations get ${id} has reasons`)
}

const rowOf = (operation: Doc): Record<(typeof fields)[number], string> => ({
  id: textOf(operation['id']),
  action: textOf(operation['action']),
  state: textOf(operation['state']),
  matched: textOf(operation['matched']),
  succeeded: textOf(operation['succeeded']),
  failed: textOf(operation['failed']),
  skipped: textOf(operation['skipped']),
})
