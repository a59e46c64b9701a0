import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  chain,
  createClient,
  type FailedMember,
  type FinishedJob,
  type FlowNode,
  gather,
  type JobsOf,
  map,
} from '../../../src/client/index.ts'
import type { Flow, FlowJobOptions, FlowMember, FlowOptions, Job, JobOptions } from '../../../src/client/resources.ts'
import { defineJob } from '../../../src/jobs/define-job.ts'
import type { components } from '../../e2e/contract/api-types.ts'

type Api = components['schemas']

/** A job file's default export. */
function defineResize() {
  return defineJob({
    type: 'resize',
    title: 'Resize',
    runsOn: 'event-loop',
    input: z.object({ url: z.url(), width: z.int().default(100) }),
    output: z.object({ bytes: z.int(), sizes: z.array(z.object({ width: z.int() })) }),
    run: async () => ({ bytes: 1, sizes: [] }),
  })
}
function defineList() {
  return defineJob({
    type: 'list',
    title: 'List',
    runsOn: 'event-loop',
    input: z.null(),
    output: z.array(z.string()),
    run: async () => [],
  })
}
type Types = JobsOf<ReturnType<typeof defineResize> | ReturnType<typeof defineList>>

const client = createClient<Types>({ url: 'http://127.0.0.1:1' })

test('job files give a client its types: the input before its schema parses it, the output after', () => {
  expectTypeOf<keyof Types>().toEqualTypeOf<'resize' | 'list'>()
  expectTypeOf<Types['resize']['input']>().toEqualTypeOf<{ url: string; width?: number | undefined }>()
  expectTypeOf(() => client.jobs.run('list', null)).returns.resolves.toEqualTypeOf<string[]>()
  expectTypeOf(() => client.jobs.submit('list', null)).returns.resolves.toEqualTypeOf<Job<'list', string[]>>()
  expectTypeOf(() => client.jobs.wait({} as Job<'list', string[]>)).returns.resolves.toEqualTypeOf<
    FinishedJob<'list', string[]>
  >()
  const mistakes = () => {
    // @ts-expect-error: there is no such type
    void client.jobs.run('resise', { url: '' })
    // @ts-expect-error: the input lacks its address
    void client.jobs.run('resize', { width: 1 })
    // @ts-expect-error: an input of another type
    void client.jobs.batch([{ type: 'list', input: { url: '' } }])
  }
  expectTypeOf(mistakes).returns.toBeVoid()
})

test('references carry the types of outputs through a flow', () => {
  const { job } = client.flows
  const make = () => ({
    chained: chain(job('list', null), (urls) => map(urls, (url) => job('resize', { url, width: 10 }))),
    gathered: gather([job('list', null), job('resize', { url: '' })]),
    continued: gather([job('list', null)], { on_failure: 'continue' }),
    first: chain(job('resize', { url: '' }), ({ sizes }) => job('resize', { url: '', width: sizes[0].width })),
  })
  type Made = ReturnType<typeof make>
  type Resized = { bytes: number; sizes: { width: number }[] }
  expectTypeOf<Made['chained']>().toEqualTypeOf<FlowNode<Resized[]>>()
  expectTypeOf<Made['gathered']>().toEqualTypeOf<FlowNode<[string[], Resized]>>()
  expectTypeOf<Made['continued']>().toEqualTypeOf<FlowNode<[string[] | FailedMember]>>()
  expectTypeOf<Made['first']>().toEqualTypeOf<FlowNode<Resized>>()
  const mistakes = () => {
    // @ts-expect-error: a number is no address
    chain(job('resize', { url: '' }), ({ bytes }) => job('resize', { url: bytes }))
    // @ts-expect-error: the output has no such member
    chain(job('resize', { url: '' }), (before) => job('resize', { url: before.width }))
  }
  expectTypeOf(mistakes).returns.toBeVoid()
})

test('a client without types takes every job type', () => {
  const any = createClient({ url: 'http://127.0.0.1:1' })
  expectTypeOf(() => any.jobs.run('any-type', { any: 'input' })).returns.resolves.toBeUnknown()
})

test('the types of resources are those of the OpenAPI document', () => {
  expectTypeOf<Api['Job']>().toExtend<Job>()
  expectTypeOf<Api['Flow']>().toExtend<Flow>()
  expectTypeOf<Api['FlowMember']>().toExtend<FlowMember>()
  expectTypeOf<JobOptions & { type: string; input: unknown }>().toExtend<Api['BatchSubmission']>()
  expectTypeOf<FlowJobOptions & { type: string; input: unknown }>().toExtend<Api['FlowJob']>()
  expectTypeOf<Required<FlowOptions>>().toExtend<Partial<Api['FlowSubmission']>>()
  expectTypeOf<keyof JobOptions>().toEqualTypeOf<Exclude<keyof Api['BatchSubmission'], 'type' | 'input'>>()
  expectTypeOf<keyof FlowJobOptions>().toEqualTypeOf<Exclude<keyof Api['FlowJob'], 'type' | 'input'>>()
})
