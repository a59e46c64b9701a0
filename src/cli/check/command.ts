import { buildCommand } from '@stricli/core'
import { formatFlags } from '../output.ts'

/** `drover check`: loads job files as a process would, and starts nothing. */
export const checkCommand = buildCommand({
  loader: async () => (await import('./check-jobs.ts')).checkJobs,
  parameters: {
    flags: formatFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'Folder of job files. Default: JOBS_DIR, else ./jobs if it exists',
          placeholder: 'folder',
          parse: String,
          optional: true,
        },
      ],
    },
  },
  docs: {
    brief: 'Check job files and list their job types',
    fullDescription:
      'Loads the job files as the API and the workers do and lists each type with its queue. Every mistake of a file is reported; the exit code is 1 if there is one.',
  },
})
