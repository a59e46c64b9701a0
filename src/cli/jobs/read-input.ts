import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { usage } from '../flags.ts'

/** The text of an argument: as it is, of the file behind `@`, or of stdin for `-`. @throws CommandFailure */
async function readArgument(argument: string, flag: string): Promise<string> {
  if (argument === '-') return text(process.stdin)
  return argument.startsWith('@') ? readFileArgument(argument.slice(1), flag) : argument
}

/** The content of a file. @throws CommandFailure */
async function readFileArgument(path: string, what: string): Promise<string> {
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

/** The document of a YAML or JSON file; `-` is stdin. @throws CommandFailure */
export async function readYaml(file: string): Promise<unknown> {
  const source = file === '-' ? await text(process.stdin) : await readFileArgument(file, 'the file')
  const { parse, YAMLParseError } = await import('yaml')
  try {
    // JSON is YAML.
    return parse(source)
  } catch (error) {
    // Of an alias that is missing, or of aliases that grow without bound.
    if (!(error instanceof YAMLParseError || error instanceof ReferenceError)) throw error
    return usage(`${file}: ${error.message.split('\n')[0]}`)
  }
}
