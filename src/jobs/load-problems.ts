import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { DefinitionError } from './definition-error.ts'

/** Why a job file did not load, one line for each problem. A syntax error has its place: `file:line:column`. */
export function describeProblems(error: unknown, file: string): string[] {
  // Another copy of the class, where the job file imports one.
  if (error instanceof DefinitionError || (error instanceof Error && 'mistakes' in error))
    return error.message.split('\n')
  if (!(error instanceof Error)) return [String(error)]
  if (!(error instanceof SyntaxError)) return [error.message]
  const place = placeIn(error.stack ?? '') ?? placeIn(checkSyntax(file))
  return [place === undefined ? error.message : `${place}: ${error.message}`]
}

/** Node.js shows the file with its line, the line, and a mark below the mistake. */
function placeIn(text: string): string | undefined {
  const [, file = '', line, mark] = /^(\S.*):(\d+)\n.*\n( *)\^/m.exec(text) ?? []
  if (line === undefined) return undefined
  return `${file.startsWith('file:') ? fileURLToPath(file) : file}:${line}:${(mark ?? '').length + 1}`
}

/** For JavaScript the error of an import does not name the line, and this command does. */
function checkSyntax(file: string): string {
  return spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', timeout: 10_000 }).stderr ?? ''
}
