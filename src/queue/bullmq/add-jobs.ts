import { type JobJson, type JobsOptions, optsEncodeMap, type ParentKeyOpts } from 'bullmq'
import { z } from 'zod'
import { largeInputBytes } from '../model/payload.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'
import { extrasOf, type JobExtras } from './job-extras.ts'
import { storedJobOptions } from './job-options.ts'

const script = loadScript('bullmq/add-jobs')
const claimingScript = loadScript('bullmq/add-claimed-jobs')

/** A job as BullMQ's Queue hands it to its backend; '' or undefined: BullMQ counts an id. */
export interface Add {
  job: JobJson
  id: string | undefined
}

/** Whether our script can add a job; BullMQ's own scripts add the others. */
export function isPlainAdd(job: JobJson, parent?: ParentKeyOpts): boolean {
  const isPart = job.parent || job.parentKey || parent?.addToWaitingChildren || parent?.deferParentRelease
  return !(isPart || job.repeatJobKey || job.deduplicationId || job.opts.deduplication)
}

type Args = (string | number | Buffer)[]

/** About how many characters the data of a job has. */
export const dataLength = ({ data, opts }: JobJson): number => data.length + (extrasOf(opts)?.inputText?.length ?? 0)

/** `data` ends with an input that is null: {@link JobExtras.inputText} takes its place. */
function withInput(data: string, inputText: Buffer): Buffer {
  return Buffer.concat([Buffer.from(data.slice(0, -'null}'.length)), inputText, Buffer.from('}')])
}

/** A queue to which jobs are added. */
export interface AddQueue {
  redis: () => Promise<Redis>
  /** BullMQ's. */
  keys: Record<string, string>
  /** The prefix of ours. */
  beside: string
  /** Events are written in any case. */
  isPlain: boolean
}

/**
 * Adds jobs to a queue, each with its {@link JobExtras}, all at one moment; one whose id is there is not added again.
 *
 * @returns their ids, or why one is not known; one that was refused has it in its extras
 */
export async function addJobs({ redis, keys, beside, isPlain }: AddQueue, adds: Add[]): Promise<(string | Error)[]> {
  const sets = ['wait', 'prioritized', 'delayed', 'pc', 'marker', 'meta', 'active', 'id', 'events']
  const lists = ['time-limits', 'index', 'webhook-debts', 'labels']
  const names = [...sets.map((set) => keys[set] ?? ''), ...lists.map((list) => `${beside}:${list}`)]
  const args: Args = [keys[''] ?? '', isPlain ? 1 : '']
  for (const add of adds) pushArgs(args, add)
  const claims = adds.some(({ job }) => hasClaim(extrasOf(job.opts)))
  const replies = await (claims ? claimingScript : script)(await redis(), names, args)
  if (replies === 1) return adds.map(({ id = '' }) => id)
  if (!Array.isArray(replies)) throw new TypeError('add-jobs.lua has answered something else')
  return adds.map((add, n) => noteReply(add, replies[n]))
}

const hasClaim = (extras: JobExtras | undefined) => extras?.unique !== undefined || extras?.debounce !== undefined

const refusedSchema = z.tuple([z.enum(['concurrency_full', 'too_many_held']), z.string(), z.coerce.number()])
const deduplicatedSchema = z.tuple([
  z.enum(['joined', 'replaced']),
  z.string(),
  z.enum(['ended', 'signaled']).optional(),
])

/** @returns the id of the job that stands for what was added; an error is of this job alone, others of its call are stored */
function noteReply({ job, id }: Add, reply: unknown): string | Error {
  if (!Array.isArray(reply)) return String(reply)
  const extras = extrasOf(job.opts)
  const refused = refusedSchema.safeParse(reply).data
  if (refused) {
    const [why, gate, limit] = refused
    if (extras) extras.refusal = { why, gate, limit }
    return id ?? ''
  }
  const { data, error } = deduplicatedSchema.safeParse(reply)
  if (!data) return error
  const [how, holder, canceled] = data
  if (extras) extras.deduplicated = { how, id: holder, canceled }
  return canceled ? (id ?? holder) : holder
}

function pushArgs(args: Args, { job, id }: Add): void {
  const { name, opts, timestamp } = job
  const extras = extrasOf(opts)
  const inputText = extras?.inputText
  const data = inputText ? withInput(job.data, inputText) : job.data
  const options = extras ? storedJobOptions(opts) : JSON.stringify(shortened(opts))
  args.push(id ?? '', name, data, options, timestamp, opts.priority ?? 0, extras?.indexEntry ?? '')
  const countAt = args.push(0) - 1
  if (extras?.unique !== undefined) args.push(':unique', extras.unique)
  else if (extras?.debounce !== undefined) args.push(':debounce', extras.debounce)
  if (opts.delay) args.push(':delay', opts.delay)
  if (opts.lifo) args.push(':lifo', 1)
  if (extras) {
    pushExtras(args, extras)
    extras.inputBytes = typeof data === 'string' ? largeInputBytes(data, extras.record) : inputText?.length
    if (extras.inputBytes !== undefined) args.push('inputBytes', extras.inputBytes)
  }
  args[countAt] = (args.length - countAt - 1) / 2
}

/** What few jobs have. Each argument costs, so a job has none for what it lacks. */
function pushExtras(args: Args, extras: JobExtras): void {
  const { isShared, onFull, isBlocked, startBy, deadlineAt, webhookAt, keepUntil, fields } = extras
  if (isShared) args.push(':fair', 1)
  if (onFull !== undefined) args.push(':on-full', onFull)
  if (isBlocked) args.push(':blocked', 1)
  if (startBy !== undefined) args.push(':start-by', startBy)
  if (deadlineAt !== undefined) args.push(':deadline', deadlineAt)
  if (webhookAt !== undefined) args.push(':webhook-at', webhookAt)
  if (keepUntil !== undefined) args.push(':keep-until', keepUntil)
  for (const field in fields) args.push(field, fields[field] ?? '')
}

/** Options under the short names of their stored form, as BullMQ's own function does it, which it keeps to itself. */
function shortened({ telemetry, ...options }: JobsOptions): Record<string, unknown> {
  const short: Record<string, string> = optsEncodeMap
  const named = Object.entries(options).map(([name, value]) => [short[name] ?? name, value])
  return Object.fromEntries([...named, ['tm', telemetry?.metadata], ['omc', telemetry?.omitContext]])
}
