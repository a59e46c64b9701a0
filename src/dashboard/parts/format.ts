/** A duration in one unit with at most three digits: `40 ms`, `1.3 s`, `12 min`. */
export function duration(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ]
  const [size, unit] = units.find(([size]) => Math.abs(ms) >= size * 0.9995) ?? [1, 'ms']
  return `${threeDigits(ms / size)} ${unit}`
}

/** A size in decimal units: `16.4 kB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`
  return count < 1_000_000 ? `${threeDigits(count / 1000)} kB` : `${threeDigits(count / 1_000_000)} MB`
}

/** `1,204` */
export function count(value: number): string {
  return value.toLocaleString('en')
}

/** A value of any kind as text. */
export function plain(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

function threeDigits(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0)
  const text = value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
  return text.replace(/\.?0+$/, '')
}

/** The first characters of a long text. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}

/** The end of an id tells jobs apart; its beginning is their queue and time. */
export function shortId(id: string): string {
  return id.length <= 16 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`
}

const exactForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })

/** A time in the zone of the reader, and in UTC. */
export function exact(time: string): string {
  return `${exactForm.format(new Date(time))} (${time})`
}

/** A time as a datetime-local field has it, to the minute or to the second. */
export function localTime(time: string | undefined, to: 'minute' | 'second' = 'minute'): string {
  if (time === undefined || Number.isNaN(Date.parse(time))) return ''
  const date = new Date(time)
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString()
  return local.slice(0, to === 'minute' ? 16 : 19)
}
