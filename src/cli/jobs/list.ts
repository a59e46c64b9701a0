import type { State } from '../../client/resources.ts'
import type { Client } from '../client/client.ts'
import { type Doc, docOf, itemsOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, queryOf, type ServerFlags, usage } from '../flags.ts'
import { type FormatFlags, formatOf, tableOf } from '../output.ts'
import { duration } from '../terminal/bar.ts'
import { onStdout, Screen, styleOf } from '../terminal/screen.ts'

export interface FilterFlags {
  state?: State | undefined
  type?: string | undefined
  queue?: string | undefined
  tag?: string | undefined
  parent?: string | undefined
  errorCode?: string | undefined
  fingerprint?: string | undefined
  createdAfter?: string | undefined
  createdBefore?: string | undefined
}

interface ListFlags extends FilterFlags, FormatFlags, ServerFlags {
  flows: boolean
  limit: number
  cursor?: string | undefined
  tenant?: string | undefined
}

const maxPage = 200

/** Filters as the API names them. */
export const filterOf = (flags: FilterFlags): Record<string, string | undefined> => ({
  state: flags.state,
  type: flags.type,
  queue: flags.queue,
  tag: flags.tag,
  parent: flags.parent,
  error_code: flags.errorCode,
  fingerprint: flags.fingerprint,
  created_after: flags.createdAfter,
  created_before: flags.createdBefore,
})

/** Lists jobs or flows, newest first. */
export const list = reporting(async (flags: ListFlags): Promise<void> => {
  if (
    flags.flows &&
    (flags.type ?? flags.queue ?? flags.parent ?? flags.errorCode ?? flags.fingerprint) !== undefined
  ) {
    usage('--flows: flows are listed by --state, --tag and times alone')
  }
  const client = await openClient(flags)
  const page = await readPages(client, flags.flows ? '/v1/flows' : '/v1/jobs', {
    parameters: { ...filterOf(flags), tenant: flags.tenant },
    limit: flags.limit,
    cursor: flags.cursor,
  })
  const screen = new Screen()
  const format = formatOf(flags)
  if (format === 'json') screen.json(page)
  else if (format === 'ndjson') for (const item of page.items) screen.jsonLine(item)
  else printTable(screen, page, flags.flows)
  screen.stop()
})

interface Pages {
  items: readonly Doc[]
  next_cursor: string | null
}

/** Reads pages until there are `limit` items, or no more. */
export async function readPages(
  client: Client,
  path: string,
  options: { parameters: Record<string, string | undefined>; limit: number; cursor?: string | undefined },
): Promise<Pages> {
  const items: Doc[] = []
  let cursor = options.cursor
  do {
    const limit = Math.min(maxPage, options.limit - items.length)
    const page = await client.call('GET', `${path}${queryOf({ ...options.parameters, limit, cursor })}`)
    items.push(...itemsOf(page))
    cursor = textOf(page['next_cursor']) || undefined
  } while (cursor !== undefined && items.length < options.limit)
  return { items, next_cursor: cursor ?? null }
}

function printTable(screen: Screen, { items, next_cursor: cursor }: Pages, areFlows: boolean): void {
  const rows = items.map((item) => ({
    id: textOf(item['id']),
    type: textOf(item['type']),
    state: textOf(item['state']),
    jobs: textOf(item['jobs']),
    attempt: `${textOf(item['attempt'])}/${textOf(item['max_attempts'])}`,
    age: duration(Math.max(0, Date.now() - Date.parse(textOf(item['created_at'])))),
    error: textOf(docOf(item['error'])['code']),
  }))
  const fields = areFlows ? (['id', 'state', 'jobs', 'age', 'error'] as const) : jobFields
  const colour = (field: string, cell: string, value: string) =>
    field === 'state' ? onStdout(styleOf(value), cell) : cell
  process.stdout.write(tableOf(fields, rows, colour))
  if (cursor !== null) screen.note('there are more: --limit lists more of them')
}

const jobFields = ['id', 'type', 'state', 'attempt', 'age', 'error'] as const
