import type { KeepRequest } from './job-event.ts'
import type { JobFailure } from './job-failure.ts'

/** What a run may keep for its next start: one state, and results of steps. `bytes` of JSON in UTF-8, each of the two. */
export const keptLimits = { bytes: 262_144, steps: 1000, nameLength: 100 }

/** Counts what a run keeps. */
export class KeptSizes {
  readonly #steps = new Map<string, number>()

  /** @param steps results that earlier starts have kept, as JSON */
  constructor(steps: Readonly<Record<string, string>> = {}) {
    for (const [name, json] of Object.entries(steps)) this.#steps.set(name, Buffer.byteLength(json))
  }

  /** Counts a request, or says why it is refused. */
  refuse(request: KeepRequest): JobFailure | undefined {
    const bytes = Buffer.byteLength(request.json)
    if (bytes > keptLimits.bytes) return tooLarge(request.kind, bytes)
    if (request.kind === 'checkpoint') return undefined
    const { name } = request
    if (name === '' || name.length > keptLimits.nameLength) return invalidKeep(invalidName)
    const sizes = new Map(this.#steps).set(name, bytes)
    if (sizes.size > keptLimits.steps) return invalidKeep(`a run may keep ${keptLimits.steps} steps`)
    const sum = sizes.values().reduce((all, one) => all + one, 0)
    if (sum > keptLimits.bytes)
      return invalidKeep(`the results of all steps have ${sum} bytes of JSON, more than ${keptLimits.bytes}`)
    this.#steps.set(name, bytes)
    return undefined
  }
}

export const invalidName = `the name of a step must be a text of 1 to ${keptLimits.nameLength} characters`

export function tooLarge(kind: KeepRequest['kind'], bytes: number): JobFailure {
  const what = kind === 'checkpoint' ? 'the state of a checkpoint' : 'the result of a step'
  return invalidKeep(`${what} has ${bytes} bytes of JSON, more than ${keptLimits.bytes}`)
}

/** The handler asks for what is never kept. */
export const invalidKeep = (message: string): JobFailure => ({ code: 'invalid_checkpoint', message, retryable: false })

/** Nothing more is kept: another start may have begun. */
export const keepRefused: JobFailure = {
  code: 'checkpoint_refused',
  message: 'nothing more is kept: the attempt is over, or its worker has lost its lease on the job',
  retryable: true,
}

export const notKept: JobFailure = {
  code: 'checkpoint_not_stored',
  message: 'Redis did not store what the handler wanted to keep',
  retryable: true,
}
