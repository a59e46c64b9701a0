import { type Application, buildApplication, buildCommand, buildRouteMap, type CommandContext } from '@stricli/core'
import { version } from '../version.ts'
import { checkHandlerCommand } from './check/check-handler-command.ts'
import { checkCommand } from './check/command.ts'
import { CommandFailure } from './command-failure.ts'
import { completionCommand } from './completion/command.ts'
import { contextCommands } from './contexts/commands.ts'
import { flowCommands } from './flows/commands.ts'
import { initCommand } from './init/command.ts'
import { jobCommands } from './jobs/commands.ts'
import { runCommand } from './jobs/run-command.ts'
import type { RunType } from './jobs/run-type.ts'
import { keysCommands } from './keys/commands.ts'
import { replayCommand } from './replay/command.ts'
import { serverCommands } from './server/commands.ts'
import { text } from './text.ts'

// Each command loads its code when it runs, so that --help takes no longer than Node.js itself.

/** A process of the image or of npm start. Its main module runs when it is imported. */
const role = (brief: string, fullDescription: string, start: () => Promise<unknown>) =>
  buildCommand({
    loader: async () => async (): Promise<void> => {
      const { stopWithNpm } = await import('./stop-with-npm.ts')
      stopWithNpm()
      await start()
    },
    parameters: {},
    docs: { brief, fullDescription },
  })

/** A role of which a project may run several. */
const roleOfProject = (brief: string, start: () => Promise<unknown>) =>
  role(brief, `${settings} Job types come from JOBS_DIR, default: ./jobs if it exists.`, async () => {
    const { findProject, useProject } = await import('../dev/project.ts')
    useProject(findProject(process.cwd()))
    await start()
  })

const settings = 'Its settings are environment variables: docs/configuration.md has them all.'

/** The command line; `run` has the flags of a job type if it is known. */
export const buildApp = (type?: RunType): Application<CommandContext> =>
  buildApplication(
    buildRouteMap({
      routes: {
        run: runCommand(type),
        flow: flowCommands,
        ...jobCommands,
        ...serverCommands,
        ...contextCommands,
        replay: replayCommand,
        completion: completionCommand,
        dev: role(
          'Run Redis, the API and workers in this terminal',
          `What npm start runs. It finds or starts Redis unless REDIS_URL is set, serves every queue that a job type names, and loads changed job files again. ${settings} PORT, JOBS_DIR (default: ./jobs) and WORKER_QUEUES matter most. Ctrl-C stops everything.`,
          () => import('../dev.ts'),
        ),
        api: roleOfProject('Run an API process', () => import('../api/main.ts')),
        worker: roleOfProject('Run a worker process', () => import('../worker/main.ts')),
        check: checkCommand,
        'check-handler': checkHandlerCommand,
        init: initCommand,
        keys: keysCommands,
      },
      docs: { brief: 'Background jobs over HTTP' },
    }),
    {
      name: 'drover',
      versionInfo: { currentVersion: version },
      scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
      documentation: { disableAnsiColor: true },
      localization: { text },
      determineExitCode: (error) => (error instanceof CommandFailure ? error.exitCode : 1),
    },
  )
