import { expect, test } from 'vitest'
import { prefersHtml } from '../../../../src/api/http/prefers-html.ts'

test.each([
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
  ['text/html', true],
  ['TEXT/HTML; Q=0.5', true],
  ['text/html, application/json', true],
  ['text/html;q=0.1, application/json', false],
  ['application/json, text/html;q=0.9, */*', false],
  ['text/html;q=0.3, application/*;q=0.4', false],
  ['text/html;q=0', false],
  ['text/html;q=x', true],
  ['*/*', false],
  ['application/json', false],
  ['', false],
  [undefined, false],
])('a page is what %s asks for: %s', (accept, expected) => {
  expect(prefersHtml(accept)).toBe(expected)
})
