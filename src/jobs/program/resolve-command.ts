import { accessSync, constants, statSync } from 'node:fs'
import { basename, delimiter, isAbsolute, join, resolve } from 'node:path'

/** Programs whose first argument that is no option is a file. */
const interpreters = /^(python|pypy|node|bash|sh|dash|zsh|ruby|perl|php|lua|deno|bun|tsx|Rscript)[\d.]*$/

/**
 * The command as it is started. The program is looked for in `PATH`; with a slash in it, it is relative to `folder`. An argument that is the
 * name of a file there becomes its path, since a program starts in a folder of its own.
 *
 * @returns what is missing, in words
 */
export function resolveCommand(
  command: readonly string[],
  { folder, path = '' }: { folder: string; path?: string | undefined },
): { command: string[]; missing?: string } {
  const [given = '', ...args] = command
  const program = given.includes('/') ? resolve(folder, given) : given
  const resolved = [program, ...args.map((arg) => toPath(arg, folder))]
  const found = given.includes('/')
    ? isProgram(program)
    : path.split(delimiter).some((dir) => isProgram(join(dir, given)))
  if (!found) {
    const where = given.includes('/') ? whyNoProgram(program) : 'is not in PATH'
    return { command: resolved, missing: `command: the program ${program} ${where}` }
  }
  const script = interpreters.test(basename(given)) ? args[0] : undefined
  if (script === undefined || script.startsWith('-') || /^(run|task)$/.test(script)) return { command: resolved }
  const file = resolve(folder, script)
  return isFile(file) ? { command: resolved } : { command: resolved, missing: `command: there is no file ${file}` }
}

function whyNoProgram(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 'is not there'
  return found.isFile() ? 'is not executable' : 'is no file'
}

function toPath(arg: string, folder: string): string {
  if (isAbsolute(arg) || arg === '' || arg.startsWith('-')) return arg
  const path = resolve(folder, arg)
  return isFile(path) ? path : arg
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function isProgram(path: string): boolean {
  if (!isFile(path)) return false
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not executable, for this user.
    return false
  }
}
