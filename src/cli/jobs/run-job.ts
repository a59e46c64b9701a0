import { randomUUID } from 'node:crypto'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage, type WatchFlags } from '../flags.ts'
import { type FormatFlags, formatOf } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'
import { followJob } from './follow-job.ts'
import { readJson } from './read-input.ts'
import type { RunType } from './run-type.ts'

export interface RunFlags extends ServerFlags, FormatFlags, WatchFlags {
  input?: string | undefined
  follow: boolean
  wait: boolean
  detach: boolean
  priority?: number | undefined
  attempts?: number | undefined
  timeoutMs?: number | undefined
  deadlineMs?: number | undefined
  startWithinMs?: number | undefined
  delay?: number | undefined
  runAt?: string | undefined
  tag?: readonly string[] | undefined
  metadata?: readonly string[] | undefined
  idempotencyKey?: string | undefined
  options?: string | undefined
}

/** Submits a job and, unless it is to be detached, follows it to its end. */
export const runJob = (known: RunType) =>
  reporting(async (flags: RunFlags, type: string): Promise<void> => {
    if ([flags.follow, flags.wait, flags.detach].filter(Boolean).length > 1) {
      usage('--follow, --wait and --detach exclude each other')
    }
    const client = await openClient(flags)
    const body = { ...(await optionsOf(flags)), type, input: await inputOf(flags, known) }
    const format = formatOf(flags)
    const screen = new Screen({ isQuiet: flags.quiet })
    try {
      const job = await client.call('POST', '/v1/jobs', {
        body,
        headers: { 'idempotency-key': flags.idempotencyKey ?? randomUUID() },
        isRepeatable: true,
        names: new Map(known.fields.map(({ name, flag }) => [name, flag])),
      })
      const id = textOf(job['id'])
      if (flags.detach) {
        if (format === 'table') screen.data(escapeText(id))
        else screen.json(job)
        return
      }
      screen.note(escapeText(`${id} ${type}`))
      await followJob(id, { client, screen, format, timeoutMs: flags.timeout, isSilent: flags.wait })
    } finally {
      screen.stop()
    }
  })

async function inputOf({ input }: RunFlags, known: RunType): Promise<unknown> {
  const whole = input === undefined ? undefined : await readJson(input, '--input')
  if (known.input === undefined) return input === undefined ? {} : whole
  if (whole !== undefined && (typeof whole !== 'object' || whole === null || Array.isArray(whole))) {
    usage('--input: is no object, so its members cannot be replaced by flags')
  }
  return { ...docOf(whole), ...known.input }
}

async function optionsOf(flags: RunFlags): Promise<Doc> {
  const more = flags.options === undefined ? {} : await readJson(flags.options, '--options')
  if (typeof more !== 'object' || more === null || Array.isArray(more)) usage('--options: is no object')
  const metadata = Object.fromEntries((flags.metadata ?? []).map(pairOf))
  const given = {
    priority: flags.priority,
    attempts: flags.attempts,
    timeout_ms: flags.timeoutMs,
    deadline_ms: flags.deadlineMs,
    start_within_ms: flags.startWithinMs,
    delay_ms: flags.delay,
    run_at: flags.runAt,
    tags: flags.tag?.length ? flags.tag : undefined,
    metadata: flags.metadata?.length ? metadata : undefined,
  }
  return { ...docOf(more), ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) usage('--metadata: is no name=value')
  return [text.slice(0, at), text.slice(at + 1)]
}
