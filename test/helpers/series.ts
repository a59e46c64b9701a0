/** A page of series in the text format of Prometheus, parsed strictly. */
export class Series {
  readonly #values = new Map<string, { name: string; labels: Record<string, string>; value: number }>()

  /** @throws if a line is neither a comment nor a series, or if a series occurs twice */
  constructor(text: string) {
    for (const line of text.split('\n')) {
      if (line === '' || /^# (HELP|TYPE) [a-z0-9_]+ /.test(line)) continue
      const [, name = '', list = '', value = ''] = /^([a-z0-9_:]+)(?:\{(.+)\})? (\S+)$/.exec(line) ?? []
      // Prometheus uses ParseFloat of Go, which accepts NaN in upper and lower case.
      if (name === '' || !/^(-?[\d.]+(e[+-]?\d+)?|[+-]Inf|NaN)$/i.test(value)) throw new Error(`not a series: ${line}`)
      const key = line.slice(0, line.lastIndexOf(' '))
      if (this.#values.has(key)) throw new Error(`twice: ${key}`)
      const labels = Object.fromEntries(
        Array.from(list.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g), ([, label = '', text = '']) => [label, text]),
      )
      this.#values.set(key, { name, labels, value: Number(value) })
    }
  }

  /** The value of the only series with these labels, or undefined. @throws if several series have them */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const found = this.all(name).filter((one) =>
      Object.entries(labels).every(([key, text]) => one.labels[key] === text),
    )
    if (found.length > 1) throw new Error(`${found.length} series of ${name} have ${JSON.stringify(labels)}`)
    return found[0]?.value
  }

  all(name: string): { labels: Record<string, string>; value: number }[] {
    return [...this.#values.values()].filter((one) => one.name === name)
  }
}

/** Reads `/metrics` of an API (`url`) or a worker (`port`) like Prometheus. */
export async function scrape({ url, port }: { url?: string; port?: number }): Promise<Series> {
  const response = await fetch(`${url ?? `http://127.0.0.1:${port}`}/metrics`)
  const contentType = response.headers.get('content-type')
  if (response.status !== 200 || contentType !== 'text/plain; version=0.0.4; charset=utf-8') {
    throw new Error(`/metrics answered ${response.status} ${contentType}: ${await response.text()}`)
  }
  return new Series(await response.text())
}
