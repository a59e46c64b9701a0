import { textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, queryOf, type ServerFlags } from '../flags.ts'
import type { FormatFlags } from '../output.ts'
import { printItems } from './print-items.ts'

interface FailuresFlags extends FormatFlags, ServerFlags {
  type?: string | undefined
  queue?: string | undefined
}

const fields = ['fingerprint', 'type', 'count', 'last_seen', 'code', 'message'] as const

/** Lists failed jobs by what their failures have in common. */
export const failures = reporting(async ({ type, queue, ...flags }: FailuresFlags): Promise<void> => {
  const client = await openClient(flags)
  printItems(await client.call('GET', `/v1/failures${queryOf({ type, queue })}`), flags, fields, (group) => ({
    fingerprint: textOf(group['fingerprint']),
    type: textOf(group['type']),
    count: textOf(group['count']),
    last_seen: textOf(group['last_seen_at']),
    code: textOf(group['code']),
    message: textOf(group['message']),
  }))
})
