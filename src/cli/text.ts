import {
  type ApplicationText,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
} from '@stricli/core'

const hint = 'drover: --help lists what there is'

export const text: ApplicationText = {
  ...text_en,
  // A mistake of the user is a value: a command returns it, and its message says what to do.
  commandErrorResult: (error) => prefixed(error.message),
  exceptionWhileParsingArguments(error) {
    if (!(error instanceof ArgumentScannerError)) return text_en.exceptionWhileParsingArguments.call(this, error, false)
    return `${prefixed(formatMessageForArgumentScannerError(error, {}))}\n${hint}`
  },
  noCommandRegisteredForInput: ({ input, corrections }) => {
    const meant = corrections.length > 0 ? `; did you mean ${corrections.join(' or ')}?` : ''
    return `drover: there is no command "${input}"${meant}\n${hint}`
  },
}

/** A message with the name of the program before each line. */
export function prefixed(message: string): string {
  return message
    .split('\n')
    .map((line) => `drover: ${line}`)
    .join('\n')
}
