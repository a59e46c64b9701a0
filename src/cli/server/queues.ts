import { segment } from '../client/client.ts'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { duration } from '../terminal/bar.ts'
import { printItems } from './print-items.ts'

type QueueFlags = FormatFlags & ServerFlags

const fields = ['queue', 'paused', 'workers', 'scheduled', 'queued', 'running', 'failed', 'oldest_wait'] as const

/** Lists the queues. */
export const listQueues = reporting(async (flags: QueueFlags): Promise<void> => {
  const client = await openClient(flags)
  printItems(await client.call('GET', '/v1/queues'), flags, fields, rowOf)
})

/** Pauses a queue. */
export const pauseQueue = reporting((flags: QueueFlags, queue: string) => change(flags, queue, 'pause'))

/** Resumes a queue. */
export const resumeQueue = reporting((flags: QueueFlags, queue: string) => change(flags, queue, 'resume'))

async function change(flags: QueueFlags, queue: string, verb: 'pause' | 'resume'): Promise<void> {
  const client = await openClient(flags)
  const changed = await client.call('POST', `/v1/queues/${segment(queue)}/${verb}`, { isRepeatable: true })
  if (formatOf(flags) === 'table') printItems({ items: [changed] }, flags, fields, rowOf)
  else printThing(changed, flags)
}

function rowOf(queue: Doc): Record<(typeof fields)[number], string> {
  const counts = docOf(queue['counts'])
  const wait = queue['oldest_wait_ms']
  return {
    queue: textOf(queue['name']),
    paused: queue['paused'] === true ? 'yes' : '',
    workers: textOf(queue['workers']),
    scheduled: textOf(counts['scheduled']),
    queued: textOf(counts['queued']),
    running: textOf(counts['running']),
    failed: textOf(counts['failed']),
    oldest_wait: typeof wait === 'number' ? duration(wait) : '',
  }
}
