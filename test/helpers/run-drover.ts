import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const root = join(import.meta.dirname, '../..')

export interface DroverOptions {
  env?: Record<string, string | undefined>
  cwd?: string
  /** Empty by default. */
  stdin?: string
}

/** How a command ended. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Starts bin/drover, without a terminal. `onError` is called with each piece of stderr. */
export function startDrover(
  args: readonly string[],
  { env, cwd = root, stdin = '' }: DroverOptions = {},
  onError: (piece: string) => void = () => undefined,
) {
  const child = spawn(join(root, 'bin/drover'), args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // A command that reads no stdin may be gone before it was written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  child.stderr.on('data', (data) => onError(String(data)))
  const ending = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const ended: Promise<Ended> = Promise.all([ending, text(child.stdout), text(child.stderr)]).then(
    ([code, stdout, stderr]) => ({ code, stdout, stderr }),
  )
  return { ended, signal: (signal: NodeJS.Signals) => void child.kill(signal) }
}

/** Runs bin/drover to its end. */
export const drover = (args: readonly string[], options: DroverOptions = {}): Promise<Ended> =>
  startDrover(args, options).ended
