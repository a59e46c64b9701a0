import { type ApplicationContext, ExitCode, run } from '@stricli/core'
import { buildApp } from './app.ts'
import { CommandFailure, exitCodes } from './command-failure.ts'
import { prefixed } from './text.ts'

// The command line: bin/drover. Data goes to stdout, everything else to stderr. docs/cli.md has the exit codes.

const { stdout, stderr, env } = process
const context: ApplicationContext = { process: { stdout, stderr, env } }

// What reads the output has enough, as `head` has.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === '__complete') {
    const { printProposals } = await import('./completion/print-proposals.ts')
    return printProposals(args.slice(1), context)
  }
  if (args[0] !== 'run') return start(args)
  // Its flags come from the job type.
  const { prepareRun } = await import('./jobs/prepare-run.ts')
  try {
    const prepared = await prepareRun(args.slice(1))
    await start(['run', ...prepared.args], prepared.type)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    stderr.write(`${prefixed(error.message)}\n`)
    process.exitCode = error.exitCode
  }
}

async function start(args: readonly string[], type?: Parameters<typeof buildApp>[0]): Promise<void> {
  await run(buildApp(type), args, context)
  const { exitCode } = context.process
  const usage: unknown[] = [ExitCode.UnknownCommand, ExitCode.InvalidArgument]
  // A role runs by now and sets its own exit code when it stops.
  if (!exitCode) return
  process.exitCode = usage.includes(exitCode) ? exitCodes.usage : Math.max(exitCodes.failed, Number(exitCode))
}
