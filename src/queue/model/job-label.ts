import { createHash } from 'node:crypto'
import type { JobRecord } from './job-record.ts'

/** The states of jobs that have a label: all ends but success. */
export const labeledStates = ['failed', 'canceled', 'expired'] as const

/** What an index of labels finds jobs or flows by. Texts of any length and content are digested: labels have one length, and no colon. */
export type Label = `${'t' | 's' | 'e'}${string}`

const digest = (text: string) => createHash('sha1').update(text).digest('hex').slice(0, 16)

/** Jobs that have a tag. */
export const tagLabel = (tag: string): Label => `t${digest(tag)}`

/** Jobs that ended in one of {@link labeledStates}. Written by labels.lua. */
export const stateLabel = (state: (typeof labeledStates)[number]): Label => `s${digest(state)}`

/** Jobs that ended with this code of their error. Written by labels.lua. */
export const errorLabel = (code: string): Label => `e${digest(code)}`

/** The entry of a job or flow in an index of labels. `place`: what its entry in the index of all has behind the tenant. */
export const labelEntry = (tenant: string, label: Label, place: string): string => `${tenant}:${label}:${place}`

/** The labels that a job has from its submission on. */
export const labelsOf = ({ tags = [] }: Pick<JobRecord, 'tags'>): Label[] => [...new Set(tags)].map(tagLabel)
