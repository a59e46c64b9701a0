import { segment } from '../client/client.ts'
import { type Doc, docOf, listOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { printItems } from './print-items.ts'

type WorkerFlags = FormatFlags & ServerFlags

const fields = ['id', 'version', 'queues', 'running', 'memory', 'draining'] as const

/** Lists the workers. */
export const listWorkers = reporting(async (flags: WorkerFlags): Promise<void> => {
  const client = await openClient(flags)
  printItems(await client.call('GET', '/v1/workers'), flags, fields, rowOf)
})

/** Lets a worker take no more jobs. */
export const drainWorker = reporting(async (flags: WorkerFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  const worker = await client.call('POST', `/v1/workers/${segment(id)}/drain`, { isRepeatable: true })
  if (formatOf(flags) === 'table') printItems({ items: [worker] }, flags, fields, rowOf)
  else printThing(worker, flags)
})

function rowOf(worker: Doc): Record<(typeof fields)[number], string> {
  const queues = listOf(worker['queues']).map(docOf)
  const memory = worker['memory_bytes']
  return {
    id: textOf(worker['id']),
    version: textOf(worker['version']),
    queues: queues.map(({ name, concurrency }) => [name, concurrency].map(textOf).join(':')).join(','),
    running: textOf(worker['running']),
    memory: typeof memory === 'number' ? `${Math.round(memory / 1_000_000)} MB` : '',
    draining: worker['draining'] === true ? 'yes' : '',
  }
}
