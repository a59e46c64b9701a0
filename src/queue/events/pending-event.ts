import type { JobEvent, KeepRequest } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'

/** Characters of one progress event or log line as JSON. */
const maxEventCharacters = 262_144

/** A value is encoded when it comes, which counts its bytes; progress when it is sent, since newer progress may replace it. */
export type Pending = JobEvent | { kind: 'encoded'; text: string } | Keeping

/** A request to keep something, and the callers that wait for that. */
export interface Keeping {
  kind: 'keep'
  request: KeepRequest
  at: number
  settle: ((refusal: JobFailure | undefined) => void)[]
}

export function isValue(event: string): boolean {
  return event.startsWith('output ')
}

export function isKeeping(pending: Pending): pending is Keeping {
  return pending.kind === 'keep'
}

export function settle(keeping: Keeping[], refusal: JobFailure | undefined): void {
  for (const { settle: each } of keeping) for (const resolve of each) resolve(refusal)
}

/** As append-events.lua reads it. */
function encodeKeep({ request, at }: Keeping): string {
  if (request.kind === 'checkpoint') return `checkpoint ${at} ${request.json}`
  return `step ${at} ${Buffer.byteLength(request.name)} ${request.name}${request.json}`
}

/** `<kind> <JSON>`, so that readers can pass the JSON on without parsing it. */
export function encodeEvent(event: Pending): string {
  if (isKeeping(event)) return encodeKeep(event)
  return event.kind === 'encoded' ? event.text : `${event.kind} ${encodePayload(event)}`
}

export function encodePayload(event: JobEvent): string {
  const { kind, ...payload } = event
  const json = JSON.stringify(payload)
  if (json.length <= maxEventCharacters) return json
  const note = `this ${kind} event had ${json.length} characters, more than ${maxEventCharacters}`
  return JSON.stringify({ ...payload, data: null, message: note })
}
