/**
 * The number of runs of a slow property: `count`, times PROPERTY_RUNS if it is set. Unit tests stay fast, and `.ci/run` tries more.
 */
export function propertyRuns(count: number): number {
  return count * Number(process.env['PROPERTY_RUNS'] || 1)
}
