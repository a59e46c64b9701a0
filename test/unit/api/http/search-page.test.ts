import { expect, test } from 'vitest'
import { fillPage } from '../../../../src/api/http/search-page.ts'

interface Step {
  found: { ulid: string; value: number }[]
  searchedTo: string | undefined
}

async function* search(steps: Step[], onStep: () => void = () => undefined) {
  for (const step of steps) {
    onStep()
    yield step
  }
}

async function* readEven(found: { value: number }[]) {
  for (const { value } of found) yield value % 2 === 0 ? String(value) : undefined
}

const found = (...values: number[]) => values.map((value) => ({ ulid: `u${value}`, value }))

test('a page ends when it is full, behind its last item', async () => {
  const steps = [
    { found: found(9, 8, 7), searchedTo: 'u7' },
    { found: found(6, 5, 4), searchedTo: undefined },
  ]
  expect(await fillPage(search(steps), 2, readEven)).toEqual({ items: ['8', '6'], end: 'u6', isCutShort: false })
})

test('a page that holds the rest has no end', async () => {
  const steps = [
    { found: found(9, 8), searchedTo: 'u8' },
    { found: found(6), searchedTo: undefined },
  ]
  expect(await fillPage(search(steps), 2, readEven)).toEqual({ items: ['8', '6'], end: undefined, isCutShort: false })
  expect(await fillPage(search([]), 2, readEven)).toEqual({ items: [], end: undefined, isCutShort: false })
})

test('a search that takes long ends the page, with how far it came', async () => {
  const spin = () => {
    const until = performance.now() + 130
    while (performance.now() < until);
  }
  const steps = Array.from({ length: 10 }, (_, n) => ({ found: [], searchedTo: `t${9 - n}` }))
  expect(await fillPage(search(steps, spin), 2, readEven)).toEqual({ items: [], end: 't8', isCutShort: true })
})

test('what one look finds is on one page, however long its reading takes', async () => {
  const slow = async function* (some: { value: number }[]) {
    for (const { value } of some) {
      const until = performance.now() + 260
      while (performance.now() < until);
      yield String(value)
    }
  }
  const all = { items: ['9', '8', '7'], end: undefined, isCutShort: false }
  expect(await fillPage(search([{ found: found(9, 8, 7), searchedTo: undefined }]), 10, slow)).toEqual(all)
})

test('large items end the page', async () => {
  const large = async function* (some: { value: number }[]) {
    for (const _ of some) yield 'x'.repeat(5 * 1024 * 1024)
  }
  const steps = [{ found: found(9, 8, 7), searchedTo: undefined }]
  expect(await fillPage(search(steps), 10, large)).toMatchObject({ end: 'u8', isCutShort: true })
})
