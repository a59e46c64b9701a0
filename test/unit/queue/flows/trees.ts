import type { FlowNode, OnFailure } from '../../../../src/queue/flows/model/document.ts'

/** Trees in short: a job by its name; what it is does not matter to who decides. */
export const job: FlowNode = { job: { type: 'echo', queue: 'io', attempts: 1, record: { tenant: '-', input: null } } }
export const chain = (...nodes: FlowNode[]): FlowNode => ({ chain: nodes })
export const gather = (onFailure: OnFailure, ...nodes: FlowNode[]): FlowNode => ({ gather: nodes, onFailure })
export const map = (onFailure: OnFailure, node: FlowNode): FlowNode => ({
  map: { over: { $output: '' }, node, limit: 1000, onFailure },
})
