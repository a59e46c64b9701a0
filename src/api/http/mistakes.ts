import type { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { escapePointer, pointerTo } from '../../jobs/json-pointer.ts'
import { type Mistake, Problem } from './problem.ts'

/** More mistakes of one request than these are counted, but not listed. */
const maxListed = 50
/** Of a pointer in the detail of a problem, in characters. */
const maxPointer = 200

/** The mistakes of one request: the first {@link maxListed}, and how many there are. */
export class Mistakes {
  readonly #listed: Mistake[] = []
  #count = 0

  /** `pointer` is a JSON Pointer into the body, or the name of a parameter. */
  add(pointer: string, detail: string): void {
    this.#count += 1
    if (this.#listed.length < maxListed) this.#listed.push({ pointer, detail })
  }

  /** Adds Zod's issues. `base` is the pointer of the parsed value. */
  addIssues(issues: readonly z.core.$ZodIssue[], base = ''): void {
    for (const issue of issues) {
      if (this.isFull) this.#count += issue.code === 'unrecognized_keys' ? issue.keys.length : 1
      else this.#addIssue(issue, base)
    }
  }

  get count(): number {
    return this.#count
  }

  /** Whether further mistakes are only counted. */
  get isFull(): boolean {
    return this.#listed.length === maxListed
  }

  toProblem(): Problem {
    return this.#toProblem(this.#listed)
  }

  /** The same for a query or a path: the names of parameters in place of pointers. */
  toParameterProblem(): Problem {
    return this.#toProblem(this.#listed.map(({ pointer, detail }) => ({ pointer: pointer.slice(1), detail })))
  }

  #toProblem(listed: Mistake[]): Problem {
    const [first] = listed
    const more = this.#count > 1 ? ` (and ${this.#count - 1} more)` : ''
    const detail = `${cutText(first?.pointer || 'body', maxPointer)}: ${first?.detail}${more}`
    return new Problem('invalid_request', detail, { mistakes: listed })
  }

  #addIssue(issue: z.core.$ZodIssue, base: string): void {
    const at = pointerTo(base, issue.path)
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        if (this.isFull) this.#count += 1
        else this.add(`${at}/${escapePointer(key)}`, 'is not allowed here')
      }
      // The inner issue has the reason; the outer one only says that a key of the record is invalid.
    } else if (issue.code === 'invalid_key') this.add(at, issue.issues[0]?.message ?? issue.message)
    else this.add(at, issue.message)
  }
}
