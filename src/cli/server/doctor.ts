import { version } from '../../version.ts'
import type { Client } from '../client/client.ts'
import { type Doc, docOf, itemsOf, listOf, textOf } from '../client/document.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { type FormatFlags, formatOf, tableOf } from '../output.ts'
import { onStdout, Screen } from '../terminal/screen.ts'

type Status = 'ok' | 'warning' | 'failed' | 'unknown'

export interface Finding {
  check: string
  status: Status
  detail: string
}

/** By how much clocks may differ before times of jobs mislead. */
const maxSkewMs = 1000
const fields = ['check', 'status', 'detail'] as const
const styles = { ok: 'green', warning: 'yellow', failed: 'red', unknown: 'dim' } as const

/** Checks what a job needs to run. Everything is checked, whatever was found before. */
export const doctor = reporting(async (flags: FormatFlags & ServerFlags): Promise<void> => {
  const client = await openClient(flags)
  const findings = await examine(client)
  const screen = new Screen()
  const format = formatOf(flags)
  if (format === 'json') screen.json({ checks: findings })
  else if (format === 'ndjson') for (const finding of findings) screen.jsonLine(finding)
  else {
    const rows = findings.map(({ check, status, detail }) => ({ check, status, detail }))
    const colour = (field: string, cell: string, value: string) =>
      field === 'status' && value in styles ? onStdout(styles[value as Status], cell) : cell
    process.stdout.write(tableOf(fields, rows, colour))
  }
  screen.stop()
  const failed = findings.filter(({ status }) => status === 'failed')
  if (failed.length > 0) throw new CommandFailure('failed', `${failed.map(({ check }) => check).join(', ')} failed`)
})

/** @throws CommandFailure where the server is not reached */
async function examine(client: Client): Promise<Finding[]> {
  const startedAt = performance.now()
  await client.call('GET', '/livez')
  const ms = Math.round(performance.now() - startedAt)
  const { url, source } = client.target
  const reached: Finding = { check: 'server', status: 'ok', detail: `${url.href} (${source}) answered in ${ms} ms` }
  const [ready, key, queues, system] = await Promise.all([
    checkReady(client),
    checkKey(client),
    checkQueues(client),
    checkSystem(client),
  ])
  return [reached, ready, key, ...system, ...queues].flat()
}

async function checkReady(client: Client): Promise<Finding[]> {
  const { status, body } = await client.read('/readyz')
  if (status !== 200) {
    const { code, detail } = docOf(parsed(body))
    return [{ check: 'ready', status: 'failed', detail: `${textOf(code)}: ${textOf(detail)}` }]
  }
  const warnings = listOf(docOf(parsed(body))['warnings']).map(docOf)
  const found = warnings.map(
    ({ code, detail }): Finding => ({ check: textOf(code), status: 'warning', detail: textOf(detail) }),
  )
  return [{ check: 'ready', status: 'ok', detail: 'it reaches Redis' }, ...found]
}

async function checkKey(client: Client): Promise<Finding> {
  const { status, body } = await client.read('/v1/job-types')
  const kind = client.target.key === undefined ? 'without a key' : 'with the key'
  if (status === 200) return { check: 'key', status: 'ok', detail: `calls ${kind} are accepted` }
  return { check: 'key', status: 'failed', detail: `calls ${kind}: ${textOf(docOf(parsed(body))['detail'])}` }
}

async function checkQueues(client: Client): Promise<Finding[]> {
  const { status, body } = await client.read('/v1/queues')
  if (status !== 200) return []
  return itemsOf(docOf(parsed(body))).map((queue): Finding => {
    const workers = Number(queue['workers'] ?? 0)
    const { queued } = docOf(queue['counts'])
    const paused = queue['paused'] === true ? ', paused' : ''
    return {
      check: `queue ${textOf(queue['name'])}`,
      status: workers > 0 ? (paused === '' ? 'ok' : 'warning') : 'failed',
      detail: `${workers === 0 ? 'no worker' : workers === 1 ? '1 worker' : `${workers} workers`}, ${textOf(queued)} queued${paused}`,
    }
  })
}

async function checkSystem(client: Client): Promise<Finding[]> {
  const { status, body } = await client.read('/v1/system')
  if (status === 404) return [unknown('system', 'this server has no GET /v1/system')]
  if (status === 403) return [unknown('system', 'the key needs the scope admin to see Redis, versions and clocks')]
  if (status !== 200) return [unknown('system', textOf(docOf(parsed(body))['detail']))]
  const system = docOf(parsed(body))
  return [
    checkVersions(system),
    ...listOf(docOf(system['redis'])['nodes']).map(docOf).flatMap(checkRedis),
    checkClock(docOf(system['clock'])),
  ]
}

function checkVersions(system: Doc): Finding {
  const workers = listOf(system['worker_versions']).map((entry) => textOf(docOf(entry)['version']) || 'unknown')
  const all = [...new Set([textOf(system['version']), ...workers])]
  const detail = `API ${textOf(system['version'])} on Node.js ${textOf(system['node'])}; workers ${workers.join(', ') || 'none'}; this command ${version}`
  return { check: 'versions', status: all.length === 1 ? 'ok' : 'warning', detail }
}

function checkRedis(node: Doc): Finding[] {
  const policy = textOf(node['eviction_policy'])
  const isDurable = node['append_only_file']
  return [
    { check: 'redis', status: 'ok', detail: `version ${textOf(node['version']) || 'unknown'}` },
    {
      check: 'redis eviction',
      status: policy === '' ? 'unknown' : policy === 'noeviction' ? 'ok' : 'failed',
      detail: policy || 'it does not report maxmemory-policy',
    },
    {
      check: 'redis persistence',
      status:
        isDurable === true
          ? node['append_only_file_failed'] === true
            ? 'failed'
            : 'ok'
          : isDurable === false
            ? 'warning'
            : 'unknown',
      detail:
        isDurable === true
          ? 'append-only file'
          : isDurable === false
            ? 'no append-only file: a crash loses jobs'
            : 'it does not report that',
    },
  ]
}

function checkClock(clock: Doc): Finding {
  const skew = clock['skew_ms']
  const here = Date.now() - Date.parse(textOf(clock['now']))
  const worst = Math.max(Math.abs(typeof skew === 'number' ? skew : 0), Math.abs(here))
  const status = worst <= maxSkewMs ? 'ok' : 'warning'
  return { check: 'clocks', status, detail: `the API is ${textOf(skew)} ms ahead of Redis, this machine ${here} ms` }
}

const unknown = (check: string, detail: string): Finding => ({ check, status: 'unknown', detail })

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
