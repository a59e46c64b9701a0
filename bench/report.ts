import { quantile } from './pace.ts'

/** One line of the table: Drover and a yardstick, each measured once per round. */
export interface Finding {
  /** What was measured, with its unit. */
  name: string
  /** What Drover is compared with; empty if there is none. */
  yardstick: string
  ours: number[]
  theirs: number[]
  /** A bound of the ratio ours ÷ yardstick, or of our own figure. Undefined: the line is informative. */
  target?: { of: 'ratio' | 'ours'; atLeast?: number; atMost?: number }
}

/** A row that could not be measured, with the reason. */
export interface Skipped {
  name: string
  skipped: string
}

export type Line = Finding | Skipped

const median = (samples: number[]) => {
  const sorted = samples.toSorted((a, b) => a - b)
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.ceil(sorted.length / 2) - 1],
    sorted[Math.floor(sorted.length / 2)],
  ]
  return (low + high) / 2
}

/** The median of the ratios within each round: what slows down the machine for a while slows down both sides of a round. */
function ratioOf(ours: number[], theirs: number[]): number {
  if (ours.length !== theirs.length) return median(ours) / median(theirs)
  return median(ours.map((sample, round) => sample / (theirs[round] ?? Number.NaN)))
}

/** The medians of both sides, their ratio, and whether the target is met. */
export function judge({ ours, theirs, target }: Finding) {
  const [mine, other] = [median(ours), theirs.length > 0 ? median(theirs) : undefined]
  const ratio = other === undefined ? undefined : ratioOf(ours, theirs)
  if (!target) return { ours: mine, theirs: other, ratio, met: undefined }
  const judged = target.of === 'ratio' ? (ratio ?? Number.NaN) : mine
  const met = judged >= (target.atLeast ?? -Infinity) && judged <= (target.atMost ?? Infinity)
  return { ours: mine, theirs: other, ratio, met }
}

function figure(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** Median, minimum and maximum of all rounds. */
function spread(samples: number[]): string {
  if (samples.length === 0) return '–'
  const [min, max] = [quantile(samples, 0), quantile(samples, 1)]
  return samples.length === 1 ? figure(min) : `${figure(median(samples))} (${figure(min)}–${figure(max)})`
}

/** The table in Markdown. */
export function table(lines: Line[]): string {
  const rows = [['row', 'ours', 'yardstick', '', 'ratio', 'target', 'met']]
  for (const line of lines) {
    if ('skipped' in line) rows.push([line.name, '–', '–', line.skipped, '–', '–', 'skipped'])
    else {
      const { ratio, met } = judge(line)
      const { of, atLeast, atMost } = line.target ?? {}
      const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`
      const target = line.target ? `${of === 'ours' ? 'ours ' : ''}${bound}` : '–'
      const sides = [spread(line.ours), spread(line.theirs), line.yardstick]
      rows.push([
        line.name,
        ...sides,
        ratio === undefined ? '–' : ratio.toFixed(2),
        target,
        met === undefined ? '' : met ? 'yes' : 'NO',
      ])
    }
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const format = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [format(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(format)].join('\n')
}
