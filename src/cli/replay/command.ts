import { buildCommand } from '@stricli/core'
import { parseCount, serverFlags } from '../flags.ts'
import { formatFlags } from '../output.ts'

/** `drover replay`: runs a job again, in this terminal. */
export const replayCommand = buildCommand({
  loader: async () => (await import('./replay-job.ts')).replay,
  parameters: {
    flags: {
      live: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Let job.fetch send other requests than GET, too',
      },
      fromStart: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Leave the checkpoint and the results of steps that the job has kept',
      },
      inspectBrk: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Wait for a debugger, and stop where the handler begins; without time limit',
      },
      inspectPort: {
        kind: 'parsed',
        parse: parseCount,
        default: '9229',
        placeholder: 'number',
        brief: 'Port of the debugger, on 127.0.0.1',
      },
      secrets: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'json',
        brief: 'Secrets of the input, which the server does not tell: { "/token": "…" } as @file or - for stdin',
      },
      jobs: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'folder',
        brief: 'Folder of job files. Default: JOBS_DIR, else ./jobs if it exists',
      },
      ...formatFlags,
      ...serverFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'The id of a job', placeholder: 'id', parse: String }] },
  },
  docs: {
    brief: 'Run a job again here, with the job file of this folder',
    fullDescription:
      'Reads the input of a job, and what it has kept for its next start, and runs one attempt by the job file in this folder, on the event loop of this process. Nothing is written: neither to the server, but for a line in its audit log, nor to a file. Needs the scope admin.',
  },
})
