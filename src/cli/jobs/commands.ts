import { buildCommand } from '@stricli/core'
import { filterFlags } from '../filter-flags.ts'
import { parseCount, serverFlags, watchFlags } from '../flags.ts'
import { formatFlags } from '../output.ts'

const text = { kind: 'parsed', parse: String, optional: true } as const
const id = { brief: 'The id of a job or a flow', placeholder: 'id', parse: String } as const
const oneId = { kind: 'tuple', parameters: [id] } as const
const oneJob = { kind: 'tuple', parameters: [{ ...id, brief: 'The id of a job' }] } as const
const someIds = { kind: 'array', minimum: 1, parameter: id } as const

export const jobCommands = {
  watch: buildCommand({
    loader: async () => (await import('./watch.ts')).watch,
    parameters: {
      flags: { ...watchFlags, ...formatFlags, ...serverFlags },
      positional: oneId,
      aliases: { q: 'quiet' },
    },
    docs: {
      brief: 'Follow a job or a flow to its end',
      fullDescription: 'Prints as run does, from the beginning of the current run, and exits as it does.',
    },
  }),
  get: buildCommand({
    loader: async () => (await import('./get.ts')).get,
    parameters: { flags: { ...formatFlags, ...serverFlags }, positional: oneId },
    docs: { brief: 'Show a job or a flow' },
  }),
  list: buildCommand({
    loader: async () => (await import('./list.ts')).list,
    parameters: {
      flags: {
        ...filterFlags,
        flows: { kind: 'boolean', default: false, withNegated: false, brief: 'List flows: by state, tag and time' },
        limit: {
          kind: 'parsed',
          parse: parseCount,
          default: '50',
          placeholder: 'number',
          brief: 'How many at most',
        },
        cursor: { ...text, placeholder: 'cursor', brief: 'Go on where a list ended: next_cursor of its JSON' },
        tenant: { ...text, placeholder: 'name', brief: 'Of this tenant; needs the scope admin' },
        ...formatFlags,
        ...serverFlags,
      },
    },
    docs: {
      brief: 'List jobs, newest first',
      fullDescription: 'A job must match all filters. As JSON it is the document of the API: items and next_cursor.',
    },
  }),
  logs: buildCommand({
    loader: async () => (await import('./logs.ts')).logs,
    parameters: {
      flags: {
        follow: {
          kind: 'boolean',
          default: false,
          withNegated: false,
          brief: 'Print lines as they come, until the job ends',
        },
        ...watchFlags,
        ...formatFlags,
        ...serverFlags,
      },
      positional: oneJob,
      aliases: { f: 'follow', q: 'quiet' },
    },
    docs: { brief: "Print a job's log" },
  }),
  explain: buildCommand({
    loader: async () => (await import('./explain.ts')).explain,
    parameters: { flags: { ...formatFlags, ...serverFlags }, positional: oneJob },
    docs: { brief: 'Say why a job waits, and for how long' },
  }),
  signal: buildCommand({
    loader: async () => (await import('./signal.ts')).signal,
    parameters: {
      flags: { ...formatFlags, ...serverFlags },
      positional: {
        kind: 'tuple',
        parameters: [
          { ...id, brief: 'The id of a job' },
          { brief: 'The name of the signal', placeholder: 'name', parse: String },
          { brief: 'What the handler receives; null by default', placeholder: 'json', parse: String, optional: true },
        ],
      },
    },
    docs: {
      brief: 'Send a signal to a job that waits for it, or will',
      fullDescription: 'The first signal of a name counts. Another changes nothing.',
    },
  }),
  cancel: buildCommand({
    loader: async () => (await import('./steer.ts')).cancel,
    parameters: { flags: { ...formatFlags, ...serverFlags }, positional: someIds },
    docs: {
      brief: 'Cancel jobs or flows',
      fullDescription: 'A job that waits never starts. One that runs is signalled, and can only end canceled.',
    },
  }),
  retry: buildCommand({
    loader: async () => (await import('./steer.ts')).retry,
    parameters: { flags: { ...formatFlags, ...serverFlags }, positional: someIds },
    docs: { brief: 'Run failed, canceled or expired jobs or flows again' },
  }),
  delete: buildCommand({
    loader: async () => (await import('./steer.ts')).remove,
    parameters: { flags: serverFlags, positional: someIds },
    docs: { brief: 'Delete ended jobs or flows' },
  }),
}
