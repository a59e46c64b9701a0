import { buildCommand } from '@stricli/core'
import { formatFlags } from '../output.ts'

/** `drover check-handler`: the conformance kit of the protocol of programs. */
export const checkHandlerCommand = buildCommand({
  loader: async () => (await import('./check-handler.ts')).checkHandler,
  parameters: {
    flags: {
      ...formatFlags,
      input: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'json',
        brief: 'Input of the jobs. Default: that of the first example of the definition',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'A .job.yaml file, or another job file with a command', placeholder: 'file', parse: String },
      ],
    },
  },
  docs: {
    brief: 'Check that a program speaks the handler protocol',
    fullDescription:
      'Starts the program of a job type and speaks each case of docs/handler-protocol.md to it, in a process for each: hello, a job, cancel, long lines, the end of the channel and others. Needs no server. The exit code is 1 if a case fails; warn is allowed, and worth to know.',
  },
})
