import { buildCommand } from '@stricli/core'

/** `drover init`: writes the files of a new project. */
export const initCommand = buildCommand({
  loader: async () => (await import('./init-project.ts')).initProject,
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'The folder of the project. Default: this one', placeholder: 'folder', parse: String, optional: true },
      ],
    },
  },
  docs: {
    brief: 'Make a project: a job type with its test, settings, containers',
    fullDescription:
      'Writes jobs/word-count.ts with its test, package.json, tsconfig.json, .env, compose.yaml, Dockerfile and README.md. A file that exists stays as it is; package.json gets what it lacks.',
  },
})
