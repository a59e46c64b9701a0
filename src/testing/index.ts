// `drover/testing`: what tests of job types use.

export type { TestedJob, TestJobOptions } from './test-job.ts'
export { testJob } from './test-job.ts'
export type { FinishedJob, TestStack, TestStackOptions } from './test-stack.ts'
export { testStack } from './test-stack.ts'
