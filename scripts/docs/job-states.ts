import { jobMoves } from '../../src/queue/model/job-states.ts'

/** The state machine of jobs as a Mermaid diagram; Mermaid calls the place outside of it `[*]`. */
export const jobStateBlocks = {
  'state machine of jobs': () => {
    const labels = new Map<string, string[]>()
    for (const [move, { from, to }] of Object.entries(jobMoves)) {
      for (const state of from) {
        const edge = `${place(state)} --> ${place(to)}`
        labels.set(edge, [...(labels.get(edge) ?? []), move])
      }
    }
    const edges = Array.from(labels, ([edge, moves]) => `  ${edge}: ${moves.join(', ')}`)
    return ['```mermaid', 'stateDiagram-v2', ...edges, '```'].join('\n')
  },
}

function place(state: string): string {
  return state === 'absent' ? '[*]' : state
}
