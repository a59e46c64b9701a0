import { expect, test } from 'vitest'
import { loadFixture, openExecutors, outputOf, poolKinds, start } from './harness.ts'

test.each(poolKinds)('a %s has the given environment and nothing else', async (kind) => {
  const environment = { PATH: process.env['PATH'], LANG: 'C', NODE_NO_WARNINGS: '1' }
  const { executors } = openExecutors({ environment })
  const output = await outputOf(start(executors.for(kind), await loadFixture('show-environment')))
  expect(output).toMatchObject({ environment })
  expect(Object.keys(Object(output).environment).toSorted()).toEqual(['LANG', 'NODE_NO_WARNINGS', 'PATH'])
})

test.runIf(process.getuid?.() === 0 && process.platform === 'linux')(
  'a process of another user cannot read the environment of the worker',
  async () => {
    const { executors } = openExecutors({ user: { uid: 65_534, gid: 65_534 } })
    const output = await outputOf(start(executors.for('process'), await loadFixture('show-environment')))
    expect(output).toMatchObject({ uid: 65_534, parent: 'EACCES' })
  },
)
