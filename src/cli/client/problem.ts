import { CommandFailure } from '../command-failure.ts'
import { escapeText } from '../terminal/escape.ts'
import { docOf, listOf, textOf } from './document.ts'
import { pointerNames } from './pointer-names.ts'

const usageStatuses: readonly number[] = [400, 405, 413, 415, 422]

/** What an answer that is no success means for the user of a command. */
export function failureOf(
  status: number,
  body: string,
  request: { method: string; path: string },
  names: ReadonlyMap<string, string> = new Map(),
): CommandFailure {
  const problem = docOf(parsed(body))
  const code = textOf(problem['code'])
  if (code === '') return notDrover(status)
  if (code === 'route_not_found' || code === 'method_not_allowed') {
    const route = escapeText(`${request.method} ${request.path.replace(/\?.*/, '')}`)
    return new CommandFailure('failed', `this server has no such route (${route}): it is older than this command`)
  }
  const mistakes = listOf(problem['errors']).map(docOf)
  const lines = mistakes.map(({ pointer, detail }) =>
    escapeText(`${pointerNames(textOf(pointer), names)}: ${textOf(detail)}`),
  )
  const detail = textOf(problem['detail']) || textOf(problem['title'])
  const message = lines.length > 0 ? lines.join('\n') : escapeText(`${code}: ${detail}`)
  return new CommandFailure(reasonOf(status, code), message)
}

/** The JSON of an answer. @throws CommandFailure where it is none */
export function parseAnswer(status: number, body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw notDrover(status)
  }
}

/** Of another program, such as a proxy, at the address. */
export const notDrover = (status: number): CommandFailure =>
  new CommandFailure('notReached', `the server answered ${status}, and not as Drover does`)

function reasonOf(status: number, code: string): 'failed' | 'usage' | 'notReached' {
  if (status >= 500) return 'notReached'
  return usageStatuses.includes(status) || code === 'unknown_job_type' ? 'usage' : 'failed'
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
