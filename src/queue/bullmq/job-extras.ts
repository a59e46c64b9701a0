import type { JobsOptions } from 'bullmq'
import type { JobRecord } from '../model/job-record.ts'
import type { AddRefusal } from '../model/scheduling.ts'
import type { Deduplicated } from '../model/unique-key.ts'

/**
 * What Drover stores with a job beside what BullMQ knows. It is written by the script that adds the job, so that no job is ever there without
 * it. It rides on BullMQ's job options under a symbol: BullMQ copies it along, and no JSON has it.
 */
export interface JobExtras {
  /** What is stored as the data of the job. */
  record: JobRecord
  /** The JSON text of its input, which stands in the place of the `null` with which the data of the job ends. */
  inputText?: Buffer | undefined
  /** Set when the job is added: the size of a large input as JSON. */
  inputBytes?: number | undefined
  /** What deduplicate.lua is given where it has a unique key or is debounced. */
  unique?: string | undefined
  debounce?: string | undefined
  /** Set when the job is added: another one had its key. */
  deduplicated?: Deduplicated | undefined
  /** Its entry in the index of jobs; absent: it is in no list. */
  indexEntry?: string | undefined
  /** Epoch ms: it must have started, and ended, by then. */
  startBy?: number | undefined
  deadlineAt?: number | undefined
  /** When to look, in epoch ms, whether it has ended and its webhook is owed. */
  webhookAt?: number | undefined
  /** When to look, in epoch ms, whether it has been kept for as long as it says. */
  keepUntil?: number | undefined
  /** More fields of its hash. */
  fields?: Record<string, string | number> | undefined
  /** Tenants share the queue, and take turns. */
  isShared?: boolean | undefined
  /** What is to be done when a key of it is full; absent: it is held, however many are. */
  onFull?: string | undefined
  /** Set when the job is to be added, and is not. */
  refusal?: AddRefusal | undefined
  /** It waits for its flow in `waiting-children`, and in none of the sets from which workers take jobs. */
  isBlocked?: boolean | undefined
}

const extras = Symbol('drover.extras')

/** Job options that carry `more`. */
export function withExtras(options: JobsOptions & { [extras]?: JobExtras }, more: JobExtras): JobsOptions {
  options[extras] = more
  return options
}

/** What {@link withExtras} gave; undefined for a job that Drover did not add. */
export const extrasOf = (options: JobsOptions & { [extras]?: JobExtras }): JobExtras | undefined => options[extras]
