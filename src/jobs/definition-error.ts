/** A job type that cannot be used, with all of its mistakes. Its message has a line for each. */
export class DefinitionError extends TypeError {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.name = 'DefinitionError'
    this.mistakes = mistakes
  }
}
