import type { JobFailure } from './job-failure.ts'

/** Something that a handler waits for without a worker. Its answer is the first that came of these fields of what the job keeps: see park.lua. */
export interface Wait {
  /** In one order whenever they are waited for: that tells waits apart. */
  fields: readonly string[]
  /** Tells waits for the same fields apart, each of which has a time of its own. */
  step: string
  /** From the first time that the run waits for it. Undefined: as long as it takes. */
  timeoutMs: number | undefined
}

/** `value`: as it is stored, see {@link decodeSignal}. `over`: the time of the wait has passed. `missing`: it has not come. */
export type Answer = { status: 'arrived'; field: string; value: string } | { status: 'over' } | { status: 'missing' }

/** `parked`: the attempt has ended here, and its handler is called again when the answers are there. `answered`: in the order of the waits. */
export type WaitReply =
  | { status: 'parked' }
  | { status: 'answered'; answers: Answer[] }
  | { status: 'refused'; failure: JobFailure }

/** Asks for answers, and parks the job where fewer are there than `needed`. Never rejects. */
export type AwaitAnswers = (waits: readonly Wait[], needed: number) => Promise<WaitReply>

/** What a job may get of signals. `bytes` of JSON of one payload. */
export const signalLimits = { bytes: 65_536, names: 32 }

/** What a job keeps of a signal: its order in the run, from 1, and the payload. The order decides which of several came first. */
export const encodeSignal = (order: number, json: string): string => `${order} ${json}`

export function decodeSignal(value: string): { order: number; json: string } {
  const at = value.indexOf(' ')
  return { order: Number(value.slice(0, at)), json: value.slice(at + 1) }
}

/** Names of signals are part of paths and fields. */
export const signalNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

const prefix = 'signal:'

/** The field of what a job keeps that has the payload of a signal. */
export const signalField = (name: string): string => `${prefix}${name}`

/** The name of the signal that is in a field; undefined: it is something else. */
export const signalOfField = (field: string): string | undefined =>
  field.startsWith(prefix) ? field.slice(prefix.length) : undefined
