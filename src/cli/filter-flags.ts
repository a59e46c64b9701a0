import { states } from '../client/resources.ts'
import { parseTime } from './flags.ts'

const text = { kind: 'parsed', parse: String, optional: true } as const
const time = { kind: 'parsed', parse: parseTime, optional: true, placeholder: 'time' } as const

/** The filters that lists of jobs and operations share. */
export const filterFlags = {
  state: { kind: 'enum', values: states, optional: true, brief: 'In this state' },
  type: { ...text, placeholder: 'type', brief: 'Of this job type' },
  queue: { ...text, placeholder: 'name', brief: 'In this queue' },
  tag: { ...text, placeholder: 'tag', brief: 'With this tag' },
  parent: { ...text, placeholder: 'id', brief: 'Submitted by the handler of this job' },
  errorCode: { ...text, placeholder: 'code', brief: 'That ended with this error code' },
  fingerprint: { ...text, placeholder: 'text', brief: 'That failed in this group of drover failures' },
  createdAfter: { ...time, brief: 'Created after this time: RFC 3339, or 2h for two hours ago' },
  createdBefore: { ...time, brief: 'Created before this time' },
} as const
