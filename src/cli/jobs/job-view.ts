import { type Doc, docOf, textOf } from '../client/document.ts'
import type { StreamEvent } from '../client/follow-events.ts'
import type { Format } from '../output.ts'
import { bar, duration } from '../terminal/bar.ts'
import { escapeText, toSafeJson } from '../terminal/escape.ts'
import { onStderr, type Screen, styleOf } from '../terminal/screen.ts'

const redrawEveryMs = 250
/** Where no bar can be drawn, progress is a line at most this often. */
const progressLineEveryMs = 1000

/** What a terminal shows of a job while its events come: values on stdout, a bar, states and logs on stderr. Call {@link stop} when done. */
export class JobView {
  readonly #screen: Screen
  readonly #format: Format
  readonly #timer: NodeJS.Timeout | undefined
  #state = ''
  #since = performance.now()
  #progress: Doc = {}
  #lastLineAt = -progressLineEveryMs

  constructor(screen: Screen, format: Format) {
    this.#screen = screen
    this.#format = format
    if (screen.isLive) this.#timer = setInterval(() => this.#draw(), redrawEveryMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#screen.show([])
  }

  on({ event, data }: StreamEvent): void {
    if (this.#format === 'ndjson') this.#screen.jsonLine({ event, data })
    const fields = docOf(data)
    if (event === 'snapshot') this.#onSnapshot(fields)
    else if (event === 'state') this.#onState(textOf(fields['state']), fields['attempt'])
    else if (event === 'progress') this.#onProgress(fields)
    else if (event === 'output' && this.#format === 'table') this.#screen.data(toSafeJson(fields['value']))
    else if (event === 'log') this.#screen.note(logLine(fields))
    else if (event === 'gap') this.#screen.note('some events are no longer stored')
    else if (event === 'values_reset') this.#onValuesReset(Number(fields['from'] ?? 0))
    else if (event === 'done') this.#onState(textOf(fields['state']), fields['attempt'])
  }

  #onValuesReset(from: number): void {
    const how = from === 0 ? 'its values begin anew' : `of its values the first ${from} stay`
    this.#screen.note(`the job started again: ${how}`)
  }

  onBreak(): void {
    this.#screen.note('the connection broke; the stream resumes')
  }

  #onSnapshot(job: Doc): void {
    this.#progress = docOf(job['progress'])
    this.#onState(textOf(job['state']), job['attempt'])
    const heldBy = docOf(job['held_by'])
    if (textOf(heldBy['kind']) !== '') this.#screen.note(escapeText(`waits: ${textOf(heldBy['kind'])}`))
  }

  #onState(state: string, attempt: unknown): void {
    if (state === '' || state === this.#state) return
    this.#state = state
    this.#since = performance.now()
    const again = state === 'running' && Number(attempt) > 1 ? `, attempt ${Number(attempt)}` : ''
    this.#screen.note(`${onStderr(styleOf(state), escapeText(state))}${again}`)
    this.#draw()
  }

  #onProgress(progress: Doc): void {
    this.#progress = progress
    if (this.#screen.isLive) {
      this.#draw()
      return
    }
    const now = performance.now()
    if (now - this.#lastLineAt < progressLineEveryMs) return
    this.#lastLineAt = now
    this.#screen.note(`${this.#percent()}${escapeText(textOf(progress['message']))}`)
  }

  #percent(): string {
    const { fraction } = this.#progress
    return typeof fraction === 'number' ? `${Math.floor(fraction * 100)} % ` : ''
  }

  #draw(): void {
    const { fraction, message } = this.#progress
    const share = typeof fraction === 'number' ? fraction : undefined
    const parts = [
      bar(share),
      escapeText(this.#state),
      duration(performance.now() - this.#since),
      escapeText(textOf(message)),
    ]
    this.#screen.show([parts.filter((part) => part !== '').join('  ')])
  }
}

const levels: Record<string, Parameters<typeof onStderr>[0]> = { error: 'red', fatal: 'red', warn: 'yellow' }

/** A line of a job's log: the time of day, the level and the message. */
export function logLine({ at, level, message }: Doc): string {
  const name = textOf(level)
  const time = /T(\d\d:\d\d:\d\d)/.exec(textOf(at))?.[1] ?? ''
  return `${time} ${onStderr(levels[name] ?? 'dim', escapeText(name))} ${escapeText(textOf(message))}`
}
