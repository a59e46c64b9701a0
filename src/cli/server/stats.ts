import { type Doc, docOf, listOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, queryOf, type ServerFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import type { FormatFlags } from '../output.ts'
import { formatOf } from '../output.ts'
import { duration } from '../terminal/bar.ts'
import { printItems } from './print-items.ts'

interface StatsFlags extends FormatFlags, ServerFlags {
  from: string
  to?: string | undefined
  step?: number | undefined
}

const fields = [
  'queue',
  'type',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'running',
  'wait_p50',
  'wait_p95',
] as const

/** Shows what happened lately, by queue and job type. */
export const stats = reporting(async ({ from, to, step, ...flags }: StatsFlags): Promise<void> => {
  const client = await openClient(flags)
  const answer = await client.call('GET', `/v1/stats${queryOf({ from, to, step })}`)
  if (formatOf(flags) === 'json') printThing(answer, flags)
  else printItems({ items: formatOf(flags) === 'ndjson' ? answer['points'] : rowsOf(answer) }, flags, fields, rowOf)
})

/** Each queue, and below it its types. */
function rowsOf(answer: Doc): Doc[] {
  const types = listOf(answer['types']).map(docOf)
  return listOf(answer['queues'])
    .map(docOf)
    .flatMap((queue) => [queue, ...types.filter((type) => type['queue'] === queue['queue'])])
}

function rowOf(counts: Doc): Record<(typeof fields)[number], string> {
  const wait = (ms: unknown) => (typeof ms === 'number' ? duration(ms) : '')
  return {
    queue: textOf(counts['queue']),
    type: textOf(counts['type']) || 'all',
    succeeded: textOf(counts['succeeded']),
    failed: textOf(counts['failed']),
    canceled: textOf(counts['canceled']),
    expired: textOf(counts['expired']),
    running: textOf(counts['running']),
    wait_p50: wait(counts['wait_p50_ms']),
    wait_p95: wait(counts['wait_p95_ms']),
  }
}
