import { expect, test } from 'vitest'
import { fillReferences, findReferences } from '../../../../src/queue/flows/model/template.ts'

test('a literal is its value, whatever is in it', () => {
  const template = {
    a: { $literal: { $output: '' } },
    b: [{ $literal: { $literal: 1 } }, { $output: '/x' }],
    c: { $literal: [{ $item: 'no pointer' }] },
  }
  const { references, mistakes, hasLiterals } = findReferences(template, '/input')
  expect([references, mistakes, hasLiterals]).toEqual([[{ kind: 'output', pointer: '/x', at: '/input/b/1' }], [], true])
  expect(fillReferences(template, () => 'found')).toEqual({
    a: { $output: '' },
    b: [{ $literal: 1 }, 'found'],
    c: [{ $item: 'no pointer' }],
  })
})

test('a literal stands alone in its object', () => {
  expect(findReferences({ $literal: 1, more: 2 }, '/input').mistakes).toEqual([
    { pointer: '/input', detail: '$literal must stand alone in its object' },
  ])
})
