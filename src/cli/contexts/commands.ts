import { buildCommand, buildRouteMap } from '@stricli/core'
import { formatFlags } from '../output.ts'

const name = { brief: 'The name of a context', placeholder: 'name', parse: String } as const
const oneName = { kind: 'tuple', parameters: [name] } as const

export const contextCommands = {
  login: buildCommand({
    loader: async () => (await import('./login.ts')).login,
    parameters: {
      flags: {
        name: {
          kind: 'parsed',
          parse: String,
          optional: true,
          placeholder: 'name',
          brief: 'The name of the context. Default: the host of the address',
        },
      },
      positional: {
        kind: 'tuple',
        parameters: [
          {
            brief: 'The address of the server. Default: DROVER_URL, else it is asked for',
            placeholder: 'url',
            parse: String,
            optional: true,
          },
        ],
      },
    },
    docs: {
      brief: 'Store the address and the key of a server',
      fullDescription:
        'Asks for the key in a terminal; elsewhere the key is DROVER_KEY, or the first line of stdin. An empty key is for servers without keys. It is tried, stored in a file that its owner alone can read (~/.config/drover/contexts.json), and used from then on.',
    },
  }),
  contexts: buildRouteMap({
    routes: {
      list: buildCommand({
        loader: async () => (await import('./manage.ts')).listContexts,
        parameters: { flags: formatFlags },
        docs: { brief: 'List the contexts, without their keys' },
      }),
      use: buildCommand({
        loader: async () => (await import('./manage.ts')).useContext,
        parameters: { positional: oneName },
        docs: { brief: 'Make a context the current one' },
      }),
      remove: buildCommand({
        loader: async () => (await import('./manage.ts')).removeContext,
        parameters: { positional: oneName },
        docs: { brief: 'Forget a context with its key' },
      }),
    },
    defaultCommand: 'list',
    docs: { brief: 'List, choose and remove the servers that login has stored' },
  }),
}
