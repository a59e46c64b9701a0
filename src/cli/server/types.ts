import { Client, segment } from '../client/client.ts'
import { itemsOf, textOf } from '../client/document.ts'
import { findTarget } from '../client/target.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import type { FormatFlags } from '../output.ts'
import { declarationsOf } from '../types/declarations.ts'
import { printItems } from './print-items.ts'

interface TypesFlags extends FormatFlags, ServerFlags {
  declarations: boolean
}

/** Lists the job types, shows one, or prints them as declarations for TypeScript. */
export const types = reporting(async (flags: TypesFlags, which?: string): Promise<void> => {
  const isAddress = which !== undefined && /^https?:\/\//.test(which)
  if (isAddress && flags.context !== undefined) usage('give an address or --context, not both')
  if (isAddress || flags.declarations) {
    if (which !== undefined && !isAddress) usage('--declarations has all job types: give no type')
    const client = isAddress ? await clientOf(which) : await openClient(flags)
    process.stdout.write(declarationsOf(itemsOf(await client.call('GET', '/v1/job-types'))))
    return
  }
  const client = await openClient(flags)
  if (which !== undefined) {
    printThing(await client.call('GET', `/v1/job-types/${segment(which)}`), flags)
    return
  }
  printItems(await client.call('GET', '/v1/job-types'), flags, ['type', 'queue', 'runs_on', 'title'], (item) => ({
    type: textOf(item['type']),
    queue: textOf(item['queue']),
    runs_on: textOf(item['runs_on']),
    title: textOf(item['title']),
  }))
})

/** A client of an address, with the key of DROVER_KEY or the one that is stored for it. */
async function clientOf(address: string): Promise<Client> {
  const target = await findTarget(undefined, { ...process.env, DROVER_URL: address, DROVER_CONTEXT: '' })
  return new Client({ ...target, source: 'the command line' })
}
