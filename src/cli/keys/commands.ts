import { buildCommand, buildRouteMap } from '@stricli/core'
import { formatFlags } from '../output.ts'

const file = {
  kind: 'parsed',
  parse: String,
  optional: true,
  placeholder: 'path',
  brief: 'The keys file. Default: API_KEYS_FILE',
} as const

/** `drover keys make|list|revoke`: the keys file that API_KEYS_FILE names. An API reads it again within a second. */
export const keysCommands = buildRouteMap({
  routes: {
    make: buildCommand({
      loader: async () => (await import('./make-key.ts')).makeKey,
      parameters: {
        flags: {
          tenant: { kind: 'parsed', parse: String, placeholder: 'name', brief: 'Whose jobs the key reaches' },
          scopes: {
            kind: 'parsed',
            parse: String,
            default: 'submit,read,cancel',
            placeholder: 'list',
            brief: 'What the key allows: submit, read, cancel or admin, separated by commas',
          },
          types: {
            kind: 'parsed',
            parse: String,
            optional: true,
            placeholder: 'list',
            brief: 'The job types that it may submit, separated by commas. Default: all',
          },
          queues: {
            kind: 'parsed',
            parse: String,
            optional: true,
            placeholder: 'list',
            brief: 'The queues that it may submit to, separated by commas. Default: all',
          },
          expires: {
            kind: 'parsed',
            parse: String,
            optional: true,
            placeholder: 'time',
            brief: 'When it expires, as in 2027-01-31T00:00:00Z. Default: never',
          },
          file,
        },
      },
      docs: {
        brief: 'Make a key',
        fullDescription:
          'Prints the key once, on stdout: only its hash is stored. Without a keys file it prints the entry for one on stderr.',
      },
    }),
    list: buildCommand({
      loader: async () => (await import('./list-keys.ts')).listKeys,
      parameters: { flags: { file, ...formatFlags } },
      docs: { brief: 'List the keys of the file, without their secrets, which it does not have' },
    }),
    revoke: buildCommand({
      loader: async () => (await import('./revoke-keys.ts')).revokeKeys,
      parameters: {
        flags: { file },
        positional: {
          kind: 'array',
          minimum: 1,
          parameter: { brief: 'The id of a key, which is what comes before the dot', placeholder: 'id', parse: String },
        },
      },
      docs: { brief: 'Remove keys from the file', fullDescription: 'Removes all of them or, if one is unknown, none.' },
    }),
  },
  defaultCommand: 'make',
  docs: { brief: 'Make, list and revoke API keys' },
})
