import { buildCommand, buildRouteMap } from '@stricli/core'
import { filterFlags } from '../filter-flags.ts'
import { parseCount, serverFlags, watchFlags } from '../flags.ts'
import { one } from '../one-argument.ts'
import { formatFlags } from '../output.ts'

const flags = { ...formatFlags, ...serverFlags } as const

export const operationCommands = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import('./operations.ts')).listOperations,
      parameters: { flags },
      docs: { brief: 'List operations over many jobs' },
    }),
    start: buildCommand({
      loader: async () => (await import('./operations.ts')).startOperation,
      parameters: {
        flags: {
          ...filterFlags,
          limit: {
            kind: 'parsed',
            parse: parseCount,
            optional: true,
            placeholder: 'number',
            brief: 'How many jobs at most',
          },
          apply: {
            kind: 'boolean',
            default: false,
            withNegated: false,
            brief: 'Do it. Without it jobs are counted alone',
          },
          ...watchFlags,
          ...flags,
        },
        positional: {
          kind: 'tuple',
          parameters: [{ brief: 'cancel, retry or delete', placeholder: 'action', parse: parseAction }],
        },
      },
      docs: {
        brief: 'Cancel, retry or delete all jobs that match',
        fullDescription:
          'Counts what matches unless --apply is given, and waits for the end. At least one filter is needed.',
      },
    }),
    get: buildCommand({
      loader: async () => (await import('./operations.ts')).getOperation,
      parameters: { flags, positional: one('id', 'The id of an operation') },
      docs: { brief: 'Show an operation' },
    }),
    watch: buildCommand({
      loader: async () => (await import('./operations.ts')).watchOperation,
      parameters: { flags: { ...watchFlags, ...flags }, positional: one('id', 'The id of an operation') },
      docs: { brief: 'Follow an operation to its end' },
    }),
    cancel: buildCommand({
      loader: async () => (await import('./operations.ts')).cancelOperation,
      parameters: { flags, positional: one('id', 'The id of an operation') },
      docs: { brief: 'Stop an operation', fullDescription: 'Jobs that it has changed stay so.' },
    }),
  },
  defaultCommand: 'list',
  docs: { brief: 'Cancel, retry or delete many jobs at once' },
})

function parseAction(action: string): 'cancel' | 'retry' | 'delete' {
  if (action === 'cancel' || action === 'retry' || action === 'delete') return action
  throw new SyntaxError('is one of cancel, retry, delete')
}
