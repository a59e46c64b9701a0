import { createHash } from 'node:crypto'
import type { JobRecord } from './job-record.ts'

/** The states of jobs that have a label: all ends but success. */
export const labeledStates = ['failed', 'canceled', 'expired'] as const

/** What an index of labels finds jobs or flows by. Texts of any length and content are digested: labels have one length, and no colon. */
export type Label = `${'t' | 'm' | 's' | 'e' | 'f' | 'p'}${string}`

const digest = (text: string) => createHash('sha1').update(text).digest('hex').slice(0, 16)

/** Jobs that have a tag. */
export const tagLabel = (tag: string): Label => `t${digest(tag)}`

/** Jobs that ended in one of {@link labeledStates}. Written by labels.lua. */
export const stateLabel = (state: (typeof labeledStates)[number]): Label => `s${digest(state)}`

/** Jobs that ended with this code of their error. Written by labels.lua. */
export const errorLabel = (code: string): Label => `e${digest(code)}`

/** Jobs that failed, by what their failures have in common: see fingerprint.ts. Written by labels.lua. */
export const fingerprintLabel = (fingerprint: string): Label => `f${fingerprint}`

/** The entry of a job or flow in an index of labels. `place`: what its entry in the index of all has behind the tenant. */
export const labelEntry = (tenant: string, label: Label, place: string): string => `${tenant}:${label}:${place}`

/** Jobs with this value of a key of their metadata. */
export const metadataLabel = (key: string, value: string): Label => `m${digest(JSON.stringify([key, value]))}`

/** Jobs that the handler of a job has submitted. */
export const parentLabel = (parent: string): Label => `p${digest(parent)}`

/** The labels that a job has from its submission on. */
export function labelsOf({ tags = [], metadata = {}, indexed = [], parent }: Omit<JobRecord, 'v' | 'input'>): Label[] {
  const labels = [...new Set(tags)].map(tagLabel)
  if (parent) labels.push(parentLabel(parent.id))
  for (const key of indexed) {
    const value = metadata[key]
    if (value !== undefined) labels.push(metadataLabel(key, value))
  }
  return labels
}
