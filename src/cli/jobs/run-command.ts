import { buildCommand } from '@stricli/core'
import { parseDuration, serverFlags, watchFlags } from '../flags.ts'
import { formatFlags } from '../output.ts'
import type { RunType } from './run-type.ts'

const text = { kind: 'parsed', parse: String, optional: true } as const
const wholeNumber = { kind: 'parsed', parse: parseWhole, optional: true, placeholder: 'number' } as const
const milliseconds = { kind: 'parsed', parse: parseDuration, optional: true, placeholder: 'time' } as const

const runFlags = {
  input: {
    ...text,
    placeholder: 'JSON',
    brief: 'The input: JSON, @file, or - for stdin. Flags of its members replace them',
  },
  follow: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Print progress, logs and values as they come (the default)',
  },
  wait: { kind: 'boolean', default: false, withNegated: false, brief: 'Wait for the end and print the output alone' },
  detach: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the id of the job and do not wait' },
  priority: { ...wholeNumber, brief: '0 to 9, higher first' },
  attempts: { ...wholeNumber, brief: 'How often the handler may be started' },
  timeoutMs: { ...wholeNumber, brief: 'The limit of one attempt, in ms' },
  deadlineMs: { ...wholeNumber, brief: 'The limit of the whole job, in ms' },
  startWithinMs: { ...wholeNumber, brief: 'The limit of its wait for a worker, in ms' },
  delay: { ...milliseconds, brief: 'When it is due, from now, as in 30s or 2h' },
  runAt: { ...text, placeholder: 'time', brief: 'When it is due, as in 2027-01-31T08:00:00Z' },
  tag: { kind: 'parsed', parse: String, optional: true, variadic: true, placeholder: 'tag', brief: 'A tag of the job' },
  metadata: {
    kind: 'parsed',
    parse: String,
    optional: true,
    variadic: true,
    placeholder: 'name=value',
    brief: 'A member of its metadata',
  },
  idempotencyKey: {
    ...text,
    placeholder: 'key',
    brief: 'Repeated commands with the same key run one job. Default: a random key',
  },
  options: { ...text, placeholder: 'JSON', brief: 'Other fields of POST /v1/jobs: JSON, or @file' },
  ...watchFlags,
  ...formatFlags,
  ...serverFlags,
} as const

/** The flags of `run` as they are typed: members of an input with these names have `input-` in front. */
export const takenFlags: ReadonlySet<string> = new Set([
  ...Object.keys(runFlags).map((name) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  ...['help', 'help-all', 'version'],
])

/** `drover run`, with the flags of one job type if it is known. They were read before, so here they are for the help alone. */
export function runCommand(type: RunType = { fields: [], input: undefined }) {
  const ofType = type.fields.map(({ flag, kind, values, brief }) => [
    flag,
    { ...text, placeholder: values.length > 0 ? values.join('|') : kind, brief },
  ])
  return buildCommand({
    loader: async () => (await import('./run-job.ts')).runJob(type),
    parameters: {
      flags: { ...Object.fromEntries(ofType), ...runFlags },
      positional: {
        kind: 'tuple',
        parameters: [
          {
            brief: 'The job type',
            placeholder: 'type',
            parse: String,
            proposeCompletions: async (partial: string) =>
              (await import('../completion/read-types.ts')).proposeTypes(partial),
          },
        ],
      },
      aliases: { i: 'input', f: 'follow', w: 'wait', d: 'detach', q: 'quiet' },
    },
    docs: {
      brief: 'Run a job and follow it to its end',
      fullDescription:
        'The members of the input are flags, from the JSON Schema of the job type: drover run TYPE --help lists them. Values and the output are JSON on stdout, everything else is on stderr. Ctrl-C asks in a terminal whether to cancel the job or to leave it running. Exit codes: 0 succeeded, 1 failed, 2 used wrongly, 3 canceled or expired, 4 server not reached, 124 watched for as long as --timeout allows.',
    },
  })
}

function parseWhole(number: string): number {
  if (!/^\d{1,15}$/.test(number)) throw new SyntaxError('is no whole number')
  return Number(number)
}
