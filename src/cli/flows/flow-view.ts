import { type Client, isFailure, segment } from '../client/client.ts'
import { type Doc, docOf, textOf } from '../client/document.ts'
import { escapeText } from '../terminal/escape.ts'
import { onStderr, type Screen, styleOf } from '../terminal/screen.ts'
import { runningJobs, treeLines, withState } from './tree-lines.ts'

/** A flow has no event for a job that starts or makes progress, so a terminal that shows them reads the tree, and jobs that run. */
const readEveryMs = 1000
const maxProgressReads = 6

/** What a terminal shows of a flow: a tree of bars, or a line for each job that ends. Call {@link stop} when done. */
export class FlowView {
  readonly #client: Client
  readonly #path: string
  readonly #screen: Screen
  #tree: Doc = {}
  #progress: ReadonlyMap<string, number> = new Map()
  #timer: NodeJS.Timeout | undefined

  constructor(client: Client, path: string, screen: Screen) {
    this.#client = client
    this.#path = path
    this.#screen = screen
  }

  async start(signal: AbortSignal): Promise<void> {
    if (!this.#screen.isLive) return
    await this.#read(signal)
    let isReading = false
    this.#timer = setInterval(() => {
      if (isReading) return
      isReading = true
      void this.#read(signal).finally(() => (isReading = false))
    }, readEveryMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#screen.show([])
  }

  /** A job of the flow has ended. */
  onMember({ id, path, state, error }: Doc): void {
    const ended = textOf(state)
    if (this.#screen.isLive) {
      this.#tree = withState(this.#tree, textOf(id), ended)
      this.#draw()
    }
    if (this.#screen.isLive && ended === 'succeeded') return
    const { code, message } = docOf(error)
    const why = textOf(code) === '' ? '' : ` ${textOf(code)}: ${textOf(message)}`
    const mark = onStderr(styleOf(ended), escapeText(ended))
    this.#screen.note(`${mark} ${escapeText(`${textOf(path)} ${textOf(id)}${why}`)}`)
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      const { tree } = await this.#client.call('GET', this.#path, { signal })
      this.#tree = docOf(tree)
      const ids = runningJobs(this.#tree, maxProgressReads)
      const jobs = await Promise.all(ids.map((id) => this.#client.call('GET', `/v1/jobs/${segment(id)}`, { signal })))
      const fractions = jobs.map(({ id, progress }): [string, number] => [
        textOf(id),
        Number(docOf(progress)['fraction']),
      ])
      this.#progress = new Map(fractions.filter(([, fraction]) => Number.isFinite(fraction)))
      this.#draw()
    } catch (error) {
      // The events go on, and report a server that stays away.
      if (!isFailure(error) && !signal.aborted) throw error
    }
  }

  #draw(): void {
    this.#screen.show(treeLines(this.#tree, this.#progress))
  }
}
