import { type Doc, docOf, textOf } from '../client/document.ts'
import { CommandFailure } from '../command-failure.ts'
import { escapeText } from '../terminal/escape.ts'

/** Ends a command as the job or flow that it watched has ended. @throws CommandFailure unless it succeeded */
export function endAs(ended: Doc): void {
  const state = textOf(ended['state'])
  if (state === 'succeeded') return
  const id = textOf(ended['id'])
  if (state === 'canceled') throw new CommandFailure('stopped', escapeText(`${id} was canceled`))
  const { code, message } = docOf(ended['error'])
  const why = textOf(code) === '' ? '' : `: ${textOf(code)}: ${textOf(message)}`
  throw new CommandFailure(state === 'failed' ? 'failed' : 'stopped', escapeText(`${id} ${state}${why}`))
}
