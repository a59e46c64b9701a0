import { asyncProperty, check, jsonValue } from 'fast-check'
import { expect, test } from 'vitest'
import echo from '../../../src/jobs/catalog/diagnostic/echo.ts'
import { runJob } from '../../helpers/job-context.ts'

test('echo returns any JSON unchanged', async () => {
  const result = await check(
    asyncProperty(jsonValue(), async (value) => JSON.stringify(await runJob(echo, value)) === JSON.stringify(value)),
  )
  expect(result.counterexample).toBeNull()
})
