import { segment } from '../client/client.ts'
import { docOf, textOf } from '../client/document.ts'
import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags } from '../flags.ts'
import { printThing } from '../jobs/get.ts'
import { readPages } from '../jobs/list.ts'
import { readYaml } from '../jobs/read-input.ts'
import type { FormatFlags } from '../output.ts'
import { escapeText } from '../terminal/escape.ts'
import { printItems } from './print-items.ts'

type ScheduleFlags = FormatFlags & ServerFlags

const fields = ['id', 'when', 'type', 'next_run', 'paused'] as const
/** More than a tenant may have. */
const all = 100_000

const pathOf = (id: string): string => `/v1/schedules/${segment(id)}`

/** Lists the schedules. */
export const listSchedules = reporting(async (flags: ScheduleFlags): Promise<void> => {
  const client = await openClient(flags)
  const page = await readPages(client, '/v1/schedules', { parameters: {}, limit: all })
  printItems({ ...page }, flags, fields, (schedule) => ({
    id: textOf(schedule['id']),
    when: textOf(schedule['cron']) || `every ${textOf(schedule['every_ms'])} ms`,
    type: textOf(docOf(schedule['job'])['type']),
    next_run: textOf(schedule['next_run_at']),
    paused: schedule['paused'] === true ? 'yes' : '',
  }))
})

/** Shows a schedule. */
export const getSchedule = reporting(async (flags: ScheduleFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  printThing(await client.call('GET', pathOf(id)), flags)
})

/** Creates or replaces a schedule. */
export const putSchedule = reporting(async (flags: ScheduleFlags, id: string, file: string): Promise<void> => {
  const body = await readYaml(file)
  const client = await openClient(flags)
  printThing(await client.call('PUT', pathOf(id), { body, isRepeatable: true }), flags)
})

/** Submits the job of a schedule now. */
export const runSchedule = reporting(async (flags: ScheduleFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  printThing(await client.call('POST', `${pathOf(id)}/run`), flags)
})

/** Deletes a schedule. */
export const deleteSchedule = reporting(async (flags: ServerFlags, id: string): Promise<void> => {
  const client = await openClient(flags)
  await client.call('DELETE', pathOf(id), { isRepeatable: true })
  process.stdout.write(`${escapeText(id)} deleted\n`)
})
