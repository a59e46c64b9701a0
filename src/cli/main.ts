import { type ApplicationContext, ExitCode, run } from '@stricli/core'
import { app } from './app.ts'

// The command line: bin/drover. Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 used wrongly.

const { stdout, stderr, env } = process
const context: ApplicationContext = { process: { stdout, stderr, env } }
await run(app, process.argv.slice(2), context)

const usage: unknown[] = [ExitCode.UnknownCommand, ExitCode.InvalidArgument]
const { exitCode } = context.process
// A role runs by now and sets its own exit code when it stops.
if (exitCode) process.exitCode = usage.includes(exitCode) ? 2 : 1
