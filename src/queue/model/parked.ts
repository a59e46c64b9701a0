import { z } from 'zod'
import { isChildrenField } from '../../jobs/child-job.ts'
import { signalOfField } from '../../jobs/job-wait.ts'
import { parseJson } from './parse-json.ts'

/** What a parked job waits for. Times in epoch ms. */
export interface Parked {
  since: number
  /** `until`: when the wait is over, which the handler learns then. */
  signals: { name: string; until: number | undefined }[]
  /** Whether it waits for jobs that its handler has submitted. */
  children: boolean
}

/** A signal that a job has received; in epoch ms, and bytes of JSON. */
export interface ReceivedSignal {
  name: string
  at: number
  bytes: number
}

const parkedSchema = z.object({ s: z.number(), w: z.array(z.tuple([z.string(), z.number()])) })
const signalsSchema = z.record(z.string(), z.tuple([z.number(), z.number()]))

/** The field `parked` of a job: see park.lua. */
export function decodeParked(field: string | undefined): Parked | undefined {
  const stored = field === undefined ? undefined : parkedSchema.safeParse(parseJson(field)).data
  if (!stored) return undefined
  const signals = stored.w.flatMap(([waitsFor, until]) => {
    const name = signalOfField(waitsFor)
    return name === undefined ? [] : [{ name, until: until === 0 ? undefined : until }]
  })
  return { since: stored.s, signals, children: stored.w.some(([field]) => isChildrenField(field)) }
}

/** The field `signals` of a job: see signal-job.lua. */
export function decodeSignals(field: string | undefined): ReceivedSignal[] {
  if (field === undefined) return []
  const stored = signalsSchema.safeParse(parseJson(field.slice(field.indexOf(' ') + 1))).data ?? {}
  const received = Object.entries(stored).map(([name, [at, bytes]]) => ({ name, at, bytes }))
  return received.toSorted((a, b) => a.at - b.at)
}
