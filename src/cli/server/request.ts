import { reporting } from '../command-failure.ts'
import { openClient, type ServerFlags, usage } from '../flags.ts'
import { readJson } from '../jobs/read-input.ts'
import { escapeText, toSafeJson } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'

interface RequestFlags extends ServerFlags {
  input?: string | undefined
}

/** Sends one request and prints its answer: JSON, or its lines. For operations that have no command of their own. */
export const request = reporting(async (flags: RequestFlags, method: string, path: string): Promise<void> => {
  if (!/^[A-Za-z]+$/.test(method)) usage('the method is a word, such as GET')
  if (!/^\/[\x21-\x7e]*$/.test(path)) usage('the path begins with / and has no spaces, such as /v1/audit?limit=10')
  const body = flags.input === undefined ? undefined : await readJson(flags.input, '--input')
  const client = await openClient(flags)
  const answer = await client.send(method.toUpperCase(), path, body === undefined ? {} : { body })
  const screen = new Screen()
  if (answer.body !== '') {
    const json = parsed(answer.body)
    if (json !== undefined) screen.json(json.value)
    else for (const line of answer.body.replace(/\n$/, '').split('\n')) screen.data(safeLine(line))
  }
  screen.stop()
})

const safeLine = (line: string): string => {
  const json = parsed(line)
  return json === undefined ? escapeText(line) : toSafeJson(json.value)
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
