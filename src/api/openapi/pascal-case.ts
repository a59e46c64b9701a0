/** `burn-cpu` and `job_id` become `BurnCpu` and `JobId`. A number keeps its distance: `a-1` and `a1` become `A_1` and `A1`. */
export function pascalCase(name: string): string {
  return name.replaceAll(/(^|[^a-zA-Z0-9]+)([a-zA-Z0-9])/g, (_match, gap: string, first: string) =>
    gap !== '' && /\d/.test(first) ? `_${first}` : first.toUpperCase(),
  )
}
