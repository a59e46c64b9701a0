import { segment } from './client/client.ts'

/** What an id names, by its form. */
export type Kind = 'job' | 'flow'

export const kindOf = (id: string): Kind => (id.startsWith('flow_') ? 'flow' : 'job')

/** The path of a job or a flow. */
export const pathOf = (id: string): string => `/v1/${kindOf(id)}s/${segment(id)}`
