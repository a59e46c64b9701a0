import { hashOf } from './stored-job.ts'

/** What earlier starts of a run have kept for this one. */
export interface KeptState {
  /** The state of the last checkpoint as JSON, with how many values its start had yielded by then, and how many bytes of JSON. */
  state: { json: string; values: { count: number; bytes: number } } | undefined
  /** Results of steps by their names, as JSON. */
  steps: Record<string, string>
  /** What has come of what the job waits for, by its field, as it is stored: see park.lua. Undefined where that is nothing. */
  answers?: Record<string, string> | undefined
}

const stepPrefix = 'step:'

const isAnswer = (field: string): boolean => field.includes(':') && !/^(step|until):/.test(field)

/** Reads alternating fields and values of the hash `<job>:checkpoint`: see checkpoint.lua. */
export function decodeKept(fields: readonly string[]): KeptState {
  const hash = hashOf(fields)
  const { state: json, values = '' } = hash
  const [, count, bytes] = values.split(' ').map(Number)
  const steps = Object.entries(hash).flatMap(([field, result]) =>
    field.startsWith(stepPrefix) ? [[field.slice(stepPrefix.length), result] as const] : [],
  )
  const answers = Object.entries(hash).filter(([field]) => isAnswer(field))
  return {
    state: json === undefined ? undefined : { json, values: { count: count ?? 0, bytes: bytes ?? 0 } },
    steps: Object.fromEntries(steps),
    ...(answers.length > 0 && { answers: Object.fromEntries(answers) }),
  }
}
