import type { Line } from '../report.ts'
import type { World } from '../world.ts'

/** How large a run is. */
export interface Size {
  /** How often ours and its yardsticks take turns. */
  rounds: number
  /** 1; less for a quick look. */
  scale: number
}

/** One or more lines of the table. Leaves no process behind. */
export type Row = (world: World, size: Size) => Promise<Line[]>

/** Numbers of jobs and the like, for this size. */
export const scaled = (count: number, { scale }: Size) => Math.max(1, Math.round(count * scale))

/** Each in turn, as often as there are rounds, so that what disturbs the machine disturbs all. One list of samples for each. */
export async function inTurns(rounds: number, measures: (() => Promise<number>)[]): Promise<number[][]> {
  const samples: number[][] = measures.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [n, measure] of measures.entries()) samples[n]?.push(await measure())
  }
  return samples
}
