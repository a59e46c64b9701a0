import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { usage } from '../flags.ts'

/** The text of an argument: as it is, of the file behind `@`, or of stdin for `-`. @throws CommandFailure */
export async function readArgument(argument: string, flag: string): Promise<string> {
  if (argument === '-') return text(process.stdin)
  return argument.startsWith('@') ? readFileArgument(argument.slice(1), flag) : argument
}

/** The content of a file. @throws CommandFailure */
export async function readFileArgument(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return usage(`${what}: ${path} cannot be read (${String(error.code)})`)
  }
}

/** JSON of an argument. @throws CommandFailure, without the text, which may have secrets */
export async function readJson(argument: string, flag: string): Promise<unknown> {
  const json = await readArgument(argument, flag)
  try {
    return JSON.parse(json)
  } catch {
    return usage(`${flag}: is not JSON`)
  }
}
