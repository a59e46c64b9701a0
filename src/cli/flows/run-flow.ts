import { randomUUID } from 'node:crypto'
import { docOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage, type WatchFlags } from '../flags.ts'
import { readYaml } from '../jobs/read-input.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'
import { followFlow } from './follow-flow.ts'

interface RunFlowFlags extends ServerFlags, FormatFlags, WatchFlags {
  follow: boolean
  wait: boolean
  detach: boolean
  idempotencyKey?: string | undefined
}

/** Submits the flow of a file and, unless it is to be detached, follows it to its end. */
export const runFlow = reporting(async (flags: RunFlowFlags, file: string): Promise<void> => {
  if ([flags.follow, flags.wait, flags.detach].filter(Boolean).length > 1) {
    usage('--follow, --wait and --detach exclude each other')
  }
  const body = await readFlow(file)
  const client = await openClient(flags)
  const format = formatOf(flags)
  const screen = new Screen({ isQuiet: flags.quiet })
  try {
    const flow = await client.call('POST', '/v1/flows', {
      body,
      headers: { 'idempotency-key': flags.idempotencyKey ?? randomUUID() },
      isRepeatable: true,
    })
    const id = textOf(flow['id'])
    if (flags.detach) {
      if (format === 'table') screen.data(escapeText(id))
      else screen.json(flow)
      return
    }
    screen.note(escapeText(id))
    await followFlow(id, { client, screen, format, timeoutMs: flags.timeout, isSilent: flags.wait })
  } finally {
    screen.stop()
  }
})

async function readFlow(file: string): Promise<unknown> {
  const document = await readYaml(file)
  return 'flow' in docOf(document) ? document : { flow: document }
}
