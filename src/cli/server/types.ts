import { segment } from '../client/client.ts'
import { textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import type { FormatFlags } from '../output.ts'
import { printItems } from './print-items.ts'

/** Lists the job types, or shows one. */
export const types = reporting(async (flags: FormatFlags & ServerFlags, type?: string): Promise<void> => {
  const client = await openClient(flags)
  if (type !== undefined) {
    printThing(await client.call('GET', `/v1/job-types/${segment(type)}`), flags)
    return
  }
  printItems(await client.call('GET', '/v1/job-types'), flags, ['type', 'queue', 'runs_on', 'title'], (item) => ({
    type: textOf(item['type']),
    queue: textOf(item['queue']),
    runs_on: textOf(item['runs_on']),
    title: textOf(item['title']),
  }))
})
