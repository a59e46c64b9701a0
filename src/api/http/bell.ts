/** Wakes one sleeper, also when it rang before the sleep began. */
export class Bell {
  #hasRung = false
  #wake: (() => void) | undefined

  get hasRung(): boolean {
    return this.#hasRung
  }

  readonly ring = (): void => {
    this.#hasRung = true
    this.#wake?.()
  }

  silence(): void {
    this.#hasRung = false
  }

  /** Waits until it rings, or for `ms`. */
  async rung(ms: number): Promise<void> {
    if (this.#hasRung) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}
