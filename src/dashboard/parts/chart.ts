import { html } from 'htm/preact'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'

interface Line {
  label: string
  values: (number | null)[]
  /** A variable of the style sheet. */
  color: string
}

interface ChartProps {
  title: string
  /** Of each value, in epoch ms. */
  times: number[]
  lines: Line[]
  /** The lines lie on each other, as areas. */
  isStacked?: boolean
  format: (value: number) => string
}

const height = 170

/** Lines over time. What draws them is loaded with the first chart. */
export function Chart(props: ChartProps) {
  const element = useRef<HTMLDivElement | null>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  useEffect(() => {
    let isGone = false
    const draw = async () => {
      const { default: UPlot } = await import('uplot')
      if (isGone || !element.current) return
      plot.current?.destroy()
      element.current.replaceChildren()
      plot.current = new UPlot(optionsOf(props, element.current.clientWidth), dataOf(props), element.current)
    }
    draw().catch(() => {
      // A server of another version does not have it any more.
      if (!isGone) element.current?.replaceChildren('The chart did not load: reload the page.')
    })
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.current?.clientWidth ?? 0, height }),
    )
    if (element.current) observer.observe(element.current)
    return () => {
      isGone = true
      observer.disconnect()
    }
  }, [JSON.stringify([props.times, props.lines])])
  useEffect(() => () => plot.current?.destroy(), [])
  const last = props.lines.map(({ label, values }) => `${label} ${props.format(values.at(-1) ?? 0)}`).join(', ')
  return html`<figure class="chart" role="img" aria-label=${`${props.title}. Last: ${last}`}>
    <figcaption>${props.title}</figcaption>
    <div ref=${element}></div>
    <p class="legend">${props.lines.map(({ label, color }) => html`<span><i style=${{ background: `var(${color})` }}></i> ${label}</span>`)}</p>
  </figure>`
}

function optionsOf({ lines, isStacked = false, format }: ChartProps, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--faint'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line') },
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(max, 1)] } },
    axes: [{ ...axis }, { ...axis, size: 62, values: (_, ticks) => ticks.map(format) }],
    series: [
      {},
      ...lines.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 1.5,
        // A value between minutes without any is a point, not a line.
        points: { show: !isStacked, size: 4 },
        ...(isStacked && { fill: `color-mix(in srgb, ${color(name)} 35%, transparent)` }),
      })),
    ],
    ...(isStacked && { bands: lines.slice(1).map((_, at) => ({ series: [at + 1, at + 2] as uPlot.Band.Bounds })) }),
  }
}

/** Of stacked lines each has those below it added, the first one all. */
function dataOf({ times, lines, isStacked = false }: ChartProps): uPlot.AlignedData {
  const above = (at: number) =>
    times.map((_, n) => lines.slice(at).reduce((sum, { values }) => sum + (values[n] ?? 0), 0))
  return [times.map((ms) => ms / 1000), ...lines.map(({ values }, at) => (isStacked ? above(at) : values))]
}
