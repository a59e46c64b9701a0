import { type JobEnd, jobEnds } from '../model/job-states.ts'

/** What is counted of a type in a minute: its ends, first starts by how long they had waited, and how long its jobs ran, in ms. */
export type Counted = { end: JobEnd } | { waitBucket: number } | 'running'

/** The name of counts that had no room of their own: types of a minute beyond the limit, and types that no process knows. */
export const otherTypes = 'other'

const letters: Record<JobEnd, string> = { succeeded: 's', failed: 'f', canceled: 'c', expired: 'x' }

/** The field of a minute's hash that counts it: `<queue> <type> <what>`. */
export function encodeField(queue: string, type: string, counted: Counted): string {
  const what = counted === 'running' ? 'r' : 'end' in counted ? letters[counted.end] : `w${counted.waitBucket}`
  return `${queue} ${type} ${what}`
}

/** Reads a field; undefined where another version wrote it. */
export function decodeField(field: string): { queue: string; type: string; counted: Counted } | undefined {
  const [, queue, type, what] = /^(\S+) (\S+) (\w+)$/.exec(field) ?? []
  if (queue === undefined || type === undefined || what === undefined) return undefined
  if (what === 'r') return { queue, type, counted: 'running' }
  if (/^w\d+$/.test(what)) return { queue, type, counted: { waitBucket: Number(what.slice(1)) } }
  const end = jobEnds.find((name) => letters[name] === what)
  return end && { queue, type, counted: { end } }
}
