import {
  type ApplicationText,
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core'
import { version } from '../version.ts'
import { checkCommand } from './check/command.ts'
import { keysCommands } from './keys/commands.ts'

// Each command loads its code when it runs, so that --help takes no longer than Node.js itself.

/** A process of the image or of npm start. Its main module runs when it is imported. */
const role = (brief: string, fullDescription: string, start: () => Promise<unknown>) =>
  buildCommand({
    loader: async () => async (): Promise<void> => void (await start()),
    parameters: {},
    docs: { brief, fullDescription },
  })

const settings = 'Its settings are environment variables: docs/configuration.md has them all.'

const text: ApplicationText = {
  ...text_en,
  // A mistake of the user is a value: a command returns it, and its message says what to do.
  commandErrorResult: (error) => prefixed(error.message),
  exceptionWhileParsingArguments(error) {
    if (!(error instanceof ArgumentScannerError)) return text_en.exceptionWhileParsingArguments.call(this, error, false)
    return `${prefixed(formatMessageForArgumentScannerError(error, {}))}\n${hint}`
  },
  noCommandRegisteredForInput: ({ input, corrections }) => {
    const meant = corrections.length > 0 ? `; did you mean ${corrections.join(' or ')}?` : ''
    return `drover: there is no command "${input}"${meant}\n${hint}`
  },
}

const hint = 'drover: --help lists what there is'

function prefixed(message: string): string {
  return message
    .split('\n')
    .map((line) => `drover: ${line}`)
    .join('\n')
}

export const app = buildApplication(
  buildRouteMap({
    routes: {
      dev: role(
        'Run Redis, the API and workers in this terminal',
        `What npm start runs. It finds or starts Redis unless REDIS_URL is set, serves every queue that a job type names, and loads changed job files again. ${settings} PORT, JOBS_DIR (default: ./jobs) and WORKER_QUEUES matter most. Ctrl-C stops everything.`,
        () => import('../dev.ts'),
      ),
      api: role('Run an API process', settings, () => import('../api/main.ts')),
      worker: role('Run a worker process', settings, () => import('../worker/main.ts')),
      check: checkCommand,
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
  },
)
