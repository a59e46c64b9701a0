import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { browserNote, hasBrowser, openPage, seriousFindings, startBrowser } from '../helpers/browser.ts'
import { send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const markup = '<img src=x onerror="window.hacked = true">'

/** A job type with markup wherever a handler can put text; it yields and logs slowly, and fails at its first attempt of each odd run. */
const hostile = `
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineJob } from 'drover'
  import { z } from 'zod'
  const markup = ${JSON.stringify(markup)}
  export default defineJob({
    type: 'hostile', title: markup, description: markup, runsOn: 'event-loop', attempts: 1,
    input: z.object({ text: z.string().describe(markup), fail: z.boolean().default(false) }), output: z.object({ text: z.string() }),
    async *run({ text, fail }, job) {
      job.log(markup)
      job.progress(0.5, markup)
      yield { value: markup }
      await sleep(300)
      if (fail) throw new Error(markup)
      return { text }
    },
  })`

let browser: Browser
beforeAll(async () => {
  if (hasBrowser) browser = await startBrowser()
}, 180_000)
afterAll(() => browser?.close())

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const stateOf = (page: Page, state: string) => page.locator('#job-state', { hasText: state }).waitFor()
const confirm = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name }).click()

test.skipIf(!hasBrowser || !canOwnRedis)(
  `without keys the dashboard opens at once, and everything can be done in it${browserNote}`,
  { timeout: 400_000 },
  async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const jobs = await mkdtemp(join(tmpdir(), 'drover-dashboard-'))
    onTestFinished(() => rm(jobs, { recursive: true }))
    await writeFile(join(jobs, 'hostile.ts'), hostile)
    const { api } = await startStack({ env: { REDIS_URL: redis.url, JOBS_DIR: jobs } })
    const { page, faults } = await openPage(browser)

    await page.goto(`${api.url}/`)
    await heading(page, 'Overview')
    expect(await seriousFindings(page)).toEqual([])

    await submitByForm(page, api.url)
    await cancelRunning(page, api.url)
    await retryFailed(page, api.url)
    await showMarkupAsText(page, api.url)
    await followFlow(page, api.url)
    await pauseQueue(page, api.url)
    await pauseSchedule(page, api.url)
    await lookAround(page, api.url)
    await changeWaiting(page, api.url)
    await followWithoutStreams(page, api.url)
    await actOnMany(page, api.url)

    await page.goto(`${api.url}/dashboard/jobs`)
    await page.locator('tbody tr').first().waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await redis.stop()
    await page.getByText('Redis does not answer').waitFor()
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(4)
    await redis.start()
    await page.getByText('Redis does not answer').waitFor({ state: 'detached', timeout: 120_000 })

    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(faults).toEqual([])
  },
)

async function submitByForm(page: Page, apiUrl: string): Promise<void> {
  await page.goto(`${apiUrl}/dashboard/types/sleep`)
  const field = page.locator('[name="/input/duration_ms"]')
  await field.fill('soon')
  await page.getByRole('button', { name: 'Submit and follow' }).click()
  await page.getByRole('alert').filter({ hasText: 'number' }).first().waitFor()
  expect(await field.getAttribute('aria-invalid')).toBe('true')
  expect(await seriousFindings(page)).toEqual([])
  await field.fill('900')
  await page.getByRole('button', { name: 'Submit and follow' }).click()
  // Where the machine is busy the job may have ended before its page is open.
  await page.locator('#job-state', { hasText: /queued|running|succeeded/ }).waitFor()
  await stateOf(page, 'succeeded')
  await page.getByRole('tab', { name: 'Output' }).click()
  await page.getByRole('tabpanel').getByText('slept_ms').waitFor()
  expect(await seriousFindings(page)).toEqual([])
}

async function cancelRunning(page: Page, apiUrl: string): Promise<void> {
  const { body: job } = await submit(apiUrl, 'sleep', { duration_ms: 600_000, steps: 6000 }, { tags: ['long'] })
  await page.goto(`${apiUrl}/dashboard/jobs?tag=long`)
  await page.locator(`[data-row="${job.id}"] a`).click()
  await page.getByRole('progressbar').waitFor()
  await page.keyboard.press('c')
  await confirm(page, 'Cancel')
  await stateOf(page, 'canceled')
  const { body } = await send<{ state: string }>('GET', `${apiUrl}/v1/jobs/${job.id}`)
  expect(body.state).toBe('canceled')
}

async function retryFailed(page: Page, apiUrl: string): Promise<void> {
  const input = { duration_ms: 400, steps: 2, fail_at: 1 }
  const { body: job } = await submit(apiUrl, 'sleep', input, { attempts: 1, waitS: 20 })
  expect(job.state).toBe('failed')
  // The address of a job opens it from the search, too.
  await page.getByRole('searchbox').fill(`${apiUrl}/v1/jobs/${job.id}`)
  await page.keyboard.press('Enter')
  await stateOf(page, 'failed')
  await page.getByText('failed at the start of step 1').first().waitFor()
  await page.getByRole('button', { name: 'Retry' }).click()
  await page.getByText(', run 2').waitFor()
  await stateOf(page, 'failed')
  // With changes it succeeds.
  await page.getByRole('link', { name: 'Submit again' }).click()
  await page.getByRole('button', { name: 'Leave out fail_at' }).click()
  await page.getByRole('button', { name: 'Submit and follow' }).click()
  await stateOf(page, 'succeeded')
}

async function showMarkupAsText(page: Page, apiUrl: string): Promise<void> {
  const options = { tags: [markup], metadata: { note: markup } }
  const { body: job } = await submit(apiUrl, 'hostile', { text: markup, fail: true }, options)
  await page.goto(`${apiUrl}/dashboard/jobs/${job.id}?tab=values`)
  await page.getByRole('tabpanel').getByText(markup).waitFor()
  await stateOf(page, 'failed')
  for (const tab of ['Values', 'Logs', 'Input']) {
    await page.getByRole('tab', { name: tab }).click()
    await page.getByRole('tabpanel').getByText(markup).first().waitFor()
  }
  await page.locator('.note', { hasText: markup }).waitFor()
  await page.goto(`${apiUrl}/dashboard/types/hostile?from=${job.id}`)
  expect(await page.locator('[name="/input/text"]').inputValue()).toBe(markup)
  await page.goto(`${apiUrl}/dashboard/jobs?tag=${encodeURIComponent(markup)}`)
  await page.locator(`[data-row="${job.id}"]`, { hasText: markup }).waitFor()
  expect(await page.evaluate('window.hacked')).toBeUndefined()
  expect(await page.locator('img').count()).toBe(0)
}

async function followFlow(page: Page, apiUrl: string): Promise<void> {
  const sleep = (duration_ms: number) => ({ type: 'sleep', input: { duration_ms } })
  const flow = { chain: [sleep(500), { gather: [sleep(300), sleep(600)] }] }
  const { body } = await send<{ id: string }>('POST', `${apiUrl}/v1/flows`, { body: { flow } })
  await page.goto(`${apiUrl}/dashboard/flows/${body.id}`)
  await page.locator('#flow-state', { hasText: /queued|running|succeeded/ }).waitFor()
  await page.locator('#flow-state', { hasText: 'succeeded' }).waitFor()
  await page.getByText('/flow/chain/1/gather/1').waitFor()
  expect(await page.locator('.flow-job .succeeded').count()).toBe(3)
  expect(await seriousFindings(page)).toEqual([])
}

async function pauseQueue(page: Page, apiUrl: string): Promise<void> {
  await page.goto(`${apiUrl}/dashboard/queues`)
  const row = page.locator('[data-row="cpu"]')
  await row.getByRole('button', { name: 'Pause' }).click()
  await confirm(page, 'Pause')
  await row.getByText('paused').waitFor()
  const { body: job } = await submit(apiUrl, 'count-primes', { limit: 100 })
  await page.goto(`${apiUrl}/dashboard/jobs/${job.id}`)
  await page.getByText('the queue is paused').first().waitFor()
  await page.goto(`${apiUrl}/dashboard/queues`)
  await row.getByRole('button', { name: 'Resume' }).click()
  await row.getByRole('button', { name: 'Pause' }).waitFor()
  await page.goto(`${apiUrl}/dashboard/jobs/${job.id}`)
  await stateOf(page, 'succeeded')
}

async function pauseSchedule(page: Page, apiUrl: string): Promise<void> {
  const path = `${apiUrl}/v1/schedules/daily`
  const body = { cron: '0 5 * * *', job: { type: 'echo', input: 1 } }
  expect((await send('PUT', path, { body })).status).toBe(201)
  await page.goto(`${apiUrl}/dashboard/schedules`)
  const row = page.locator('[data-row="daily"]')
  await row.getByRole('button', { name: 'Pause' }).click()
  await row.getByText('paused').waitFor()
  expect((await send<{ paused: boolean }>('GET', path)).body.paused).toBe(true)
  await row.getByRole('button', { name: 'Resume' }).click()
  await row.getByRole('button', { name: 'Pause' }).waitFor()
}

/** What people see who run it: the failures of above in groups, the workers, charts. */
async function lookAround(page: Page, apiUrl: string): Promise<void> {
  await page.goto(`${apiUrl}/dashboard/failures`)
  const group = page.locator('tbody tr', { hasText: 'failed at the start of step *' })
  await group.getByRole('link', { name: /^\d+$/ }).click()
  await heading(page, 'Jobs')
  await page.locator('tbody tr', { hasText: 'sleep' }).first().waitFor()
  await page.goto(`${apiUrl}/dashboard/workers`)
  await page.getByText(/^io \d+ of 100$/).waitFor()
  await page.goto(`${apiUrl}/dashboard`)
  await page.locator('.chart canvas').first().waitFor()
  // What was done above is there.
  await page.goto(`${apiUrl}/dashboard/audit?action=cancelJob`)
  await page.locator('tbody tr', { hasText: 'cancelJob' }).first().getByRole('link').click()
  await stateOf(page, 'canceled')
}

async function changeWaiting(page: Page, apiUrl: string): Promise<void> {
  const { body: job } = await submit(apiUrl, 'echo', { on: true, none: null }, { delay_ms: 3_600_000, tags: ['later'] })
  await page.goto(`${apiUrl}/dashboard/jobs/${job.id}`)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  for (const [language, part] of [
    ['curl', '-d \'{"type":"echo","input":{"on":true,"none":null},"tags":["later"]}\''],
    ['TypeScript', 'await fetch('],
    ['Python', '"input": {"on": True, "none": None}'],
  ] as const) {
    await page.getByRole('button', { name: `${language}: copy the submission` }).click()
    const copied = () => page.evaluate<string>('navigator.clipboard.readText()')
    await waitFor(`the submission in ${language}`, copied, (text) => text.includes(part))
  }
  await page.getByRole('button', { name: 'Change…' }).click()
  await page.getByLabel('Priority').fill('7')
  await confirm(page, 'Change it')
  await page.getByText(', priority 7').waitFor()
  expect((await send('GET', `${apiUrl}/v1/jobs/${job.id}`)).body).toMatchObject({ priority: 7, state: 'scheduled' })
}

/** While the tenant has as many streams as it may, pages read what they would tell. */
async function followWithoutStreams(page: Page, apiUrl: string): Promise<void> {
  const refused = { status: 429, headers: { 'retry-after': '1' }, json: { code: 'too_many_streams' } }
  await page.route('**/events*', (route) => route.fulfill(refused))
  const { body: job } = await submit(apiUrl, 'sleep', { duration_ms: 1500 })
  await page.goto(`${apiUrl}/dashboard/jobs/${job.id}`)
  await stateOf(page, 'succeeded')
  const flow = { gather: [{ type: 'sleep', input: { duration_ms: 1500 } }] }
  const { body } = await send<{ id: string }>('POST', `${apiUrl}/v1/flows`, { body: { flow } })
  await page.goto(`${apiUrl}/dashboard/flows/${body.id}`)
  await page.locator('#flow-state', { hasText: 'succeeded' }).waitFor()
  await page.unroute('**/events*')
}

/** Jobs that cannot be acted on are counted apart, and keep no other from it; a secret that is not shown is named. */
async function actOnMany(page: Page, apiUrl: string): Promise<void> {
  const secret = '***'
  const [{ body: first }, { body: second }] = [
    await submit(apiUrl, 'echo', secret, { tags: ['many'], waitS: 20 }),
    await submit(apiUrl, 'echo', secret, { tags: ['many'], waitS: 20 }),
  ]
  await page.goto(`${apiUrl}/dashboard/types/echo?from=${first.id}`)
  await page.getByText('A secret of the job is not shown').waitFor()

  await page.goto(`${apiUrl}/dashboard/jobs?tag=many`)
  await page.getByRole('button', { name: 'Cancel…' }).click()
  await page.getByRole('button', { name: 'Count them' }).click()
  await page.getByText('2 jobs of 2 that match will be skipped').waitFor()
  expect(await page.getByRole('button', { name: 'cancel 0' }).isDisabled()).toBe(true)
  await page.getByRole('button', { name: 'Back' }).click()
  await page.goto(`${apiUrl}/dashboard/operations`)
  const operation = page.locator('tbody tr', { hasText: 'tag = many' })
  await operation.getByText('count only').waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await operation.getByRole('link').click()
  await page.getByText('0 done, 2 skipped, 0 failed, of 2: succeeded').waitFor()
  await page.goto(`${apiUrl}/dashboard/jobs?tag=many`)

  const conflict = { status: 409, json: { code: 'job_not_done', detail: 'It runs again.' } }
  await page.route(`**/v1/jobs/${second.id}`, (route) => route.fulfill(conflict))
  for (const { id } of [first, second]) await page.locator(`[data-row="${id}"] input`).check()
  await page.getByRole('button', { name: 'Delete them' }).click()
  await confirm(page, 'Delete them')
  await page.getByText(/1 of 2 jobs refused: .*It runs again/).waitFor()
  const answers = [first, second].map(({ id }) => send('GET', `${apiUrl}/v1/jobs/${id}`))
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([404, 200])
  await page.unroute(`**/v1/jobs/${second.id}`)
}

test.skipIf(!hasBrowser)(
  `with keys the dashboard asks for one, and offers what that may do${browserNote}`,
  { timeout: 300_000 },
  async () => {
    const reader = makeKey('acme', ['read'])
    const other = makeKey('beta')
    const { path } = await keysFile([reader, other])
    const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
    const body = { type: 'echo', input: 'theirs' }
    // On a busy machine the first request may be answered with 503.
    const submitted = () => send<{ id: string }>('POST', `${api.url}/v1/jobs`, { body, headers: other.headers })
    const { body: theirs } = await waitFor('the job', submitted, ({ status }) => status === 202)
    const { page, faults } = await openPage(browser)
    const enter = async (key: string) => {
      await page.getByLabel('API key').fill(key)
      await page.getByRole('button', { name: 'Open the dashboard' }).click()
    }

    await page.clock.install()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(`${api.url}/dashboard/types/echo`)
    await page.getByLabel('API key').waitFor()
    await page.clock.runFor(10_000)
    expect(asked.filter((path) => path === '/v1/key')).toHaveLength(1)
    expect(await seriousFindings(page)).toEqual([])
    await enter('nobody.nothing')
    await page.getByText('This key is not valid').waitFor()
    await enter(`${reader.id}.${reader.secret}`)
    // The view that was asked for, with what a key that only reads may not do switched off.
    const button = page.getByRole('button', { name: 'Submit and follow' })
    await button.waitFor()
    expect(await button.isDisabled()).toBe(true)
    await page.getByText('This key does not have the scope "submit".').waitFor()
    await page.getByRole('link', { name: 'Queues' }).click()
    expect(await page.locator('[data-row="cpu"]').getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true)
    await page.goto(`${api.url}/dashboard/jobs/${theirs.id}`)
    await page.getByRole('alert').getByText(theirs.id).waitFor()
    await page.goto(`${api.url}/dashboard/jobs`)
    await page.getByText('There are no jobs yet').waitFor()
    expect(await page.evaluate('Object.keys(localStorage).concat(document.cookie).join()')).not.toContain('key')

    await page.getByRole('button', { name: 'Leave' }).click()
    await enter(`${other.id}.${other.secret}`)
    await page.locator(`[data-row="${theirs.id}"]`).waitFor()

    // Another version during a rolling update does not have the files of this one.
    await page.route('**/dashboard/assets/**', (route) => route.fulfill({ status: 404 }))
    await page.goto(`${api.url}/dashboard`)
    await page.getByRole('link', { name: 'reload the page' }).waitFor()
    expect(faults).toEqual([])
  },
)

test('the page and its files need no key, are cached as long as they hold, and `/` tells programs what there is', {
  timeout: 180_000,
}, async () => {
  const { path } = await keysFile([makeKey('acme')])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const html = { accept: 'text/html' }
  const led = await fetch(`${api.url}/`, { headers: html, redirect: 'manual' })
  expect([led.status, led.headers.get('location')]).toEqual([303, '/dashboard'])
  const { body: links } = await send<{ links: Record<string, string> }>('GET', `${api.url}/`)
  expect(links.links).toMatchObject({ jobs: '/v1/jobs', dashboard: '/dashboard' })

  const page = await fetch(`${api.url}/dashboard/jobs/io_1?tab=logs`, { headers: html })
  const text = await page.text()
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self'")
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(`${api.url}/dashboard`, { headers: { ...html, 'if-none-match': etag } })
  expect([again.status, page.headers.get('cache-control')]).toEqual([304, 'no-cache'])

  const urls = Array.from(text.matchAll(/(?:src|href)="(\/dashboard\/assets\/[^"]+)"/g), ([, url = '']) => url)
  expect(urls.length).toBeGreaterThan(5)
  for (const url of new Set(urls)) {
    const file = await fetch(`${api.url}${url}`, { headers: { 'accept-encoding': 'br' } })
    expect([file.status, file.headers.get('content-encoding')]).toEqual([200, 'br'])
    expect(file.headers.get('cache-control')).toContain('immutable')
    await file.arrayBuffer()
  }
  const plain = await fetch(`${api.url}${urls[0]}`, { headers: { 'accept-encoding': 'br;q=0, gzip' } })
  expect([plain.status, plain.headers.get('content-encoding')]).toEqual([200, null])
  for (const wrong of ['/dashboard/assets/x/app.js', `${urls[0]}x`, '/dashboard/assets/../../package.json']) {
    expect((await fetch(`${api.url}${wrong}`)).status).toBe(404)
  }
})
