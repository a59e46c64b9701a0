import { type Mistake, Problem } from './problem.ts'

/** More mistakes of one request than these are counted, and not listed. */
const maxListed = 50

/** The mistakes of one request: the first {@link maxListed}, and how many there are. */
export class Mistakes {
  readonly #listed: Mistake[] = []
  #count = 0

  /** `pointer` is a JSON Pointer into the body. */
  add(pointer: string, detail: string): void {
    this.#count += 1
    if (this.#listed.length < maxListed) this.#listed.push({ pointer, detail })
  }

  get count(): number {
    return this.#count
  }

  toProblem(): Problem {
    const [first] = this.#listed
    const more = this.#count > 1 ? ` (and ${this.#count - 1} more)` : ''
    const detail = `${first?.pointer || 'body'}: ${first?.detail}${more}`
    return new Problem('invalid_request', detail, { mistakes: this.#listed })
  }
}
