import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

test('the client is at most 5 KB, minified and compressed', async () => {
  const bundle = await rolldown({ input: fileURLToPath(new URL('../../../src/client/index.ts', import.meta.url)) })
  const { output } = await bundle.generate({ minify: true })
  const [{ code, imports }] = output
  expect(output).toHaveLength(1)
  expect(imports).toEqual([])
  expect(code).toContain('/v1/jobs')
  expect(gzipSync(code).length).toBeLessThanOrEqual(5 * 1024)
})
