import { buildCommand, buildRouteMap } from '@stricli/core'
import { serverFlags, watchFlags } from '../flags.ts'
import { formatFlags } from '../output.ts'

/** `drover flow run`: jobs that depend on each other, from a file. */
export const flowCommands = buildRouteMap({
  routes: {
    run: buildCommand({
      loader: async () => (await import('./run-flow.ts')).runFlow,
      parameters: {
        flags: {
          follow: {
            kind: 'boolean',
            default: false,
            withNegated: false,
            brief: 'Print the tree of its jobs as they end (the default)',
          },
          wait: {
            kind: 'boolean',
            default: false,
            withNegated: false,
            brief: 'Wait for the end and print the results alone',
          },
          detach: {
            kind: 'boolean',
            default: false,
            withNegated: false,
            brief: 'Print the id of the flow and do not wait',
          },
          idempotencyKey: {
            kind: 'parsed',
            parse: String,
            optional: true,
            placeholder: 'key',
            brief: 'Repeated commands with the same key run one flow. Default: a random key',
          },
          ...watchFlags,
          ...formatFlags,
          ...serverFlags,
        },
        positional: {
          kind: 'tuple',
          parameters: [{ brief: 'A YAML or JSON file, or - for stdin', placeholder: 'file', parse: String }],
        },
        aliases: { f: 'follow', w: 'wait', d: 'detach', q: 'quiet' },
      },
      docs: {
        brief: 'Run a flow from a file and follow it to its end',
        fullDescription:
          'The file has the body of POST /v1/flows, or its node alone. The results are lines of JSON on stdout, in the order of the flow. watch, get, cancel, retry and delete take the id of a flow.',
      },
    }),
  },
  docs: { brief: 'Run jobs that depend on each other' },
})
