/** What the program exits with. A shell ends a program that it times out with 124, and one that Ctrl-C stops with 130. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  stopped: 3,
  notReached: 4,
  waitedOut: 124,
  interrupted: 130,
} as const

/** Why a command did not succeed, for its user: the message is printed, and the program exits with the code. */
export class CommandFailure extends Error {
  readonly exitCode: number

  /** @param message escaped for a terminal where it has text of a server, one line per mistake */
  constructor(reason: keyof typeof exitCodes, message: string) {
    super(message)
    this.exitCode = exitCodes[reason]
  }
}

/** Makes a function of a command: a {@link CommandFailure} is a value for Stricli, every other error a fault of the program. */
export function reporting<F, A extends unknown[]>(
  command: (flags: F, ...args: A) => Promise<void>,
): (flags: F, ...args: A) => Promise<Error | undefined> {
  return async (flags, ...args) => {
    try {
      await command(flags, ...args)
      return undefined
    } catch (error) {
      if (error instanceof CommandFailure) return error
      throw error
    }
  }
}
