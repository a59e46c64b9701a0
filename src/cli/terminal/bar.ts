const width = 24

/** A bar of a share from 0 to 1; unknown shares are an empty bar. */
export function bar(fraction: number | undefined): string {
  const share = Math.min(1, Math.max(0, fraction ?? 0))
  const full = Math.round(share * width)
  const percent = fraction === undefined ? '    ' : `${Math.floor(share * 100)} %`.padStart(5)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${percent}`
}

/** A duration for people: `4 s`, `3 min 20 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
