import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Debian's, then other packages of Chromium. */
const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const installed = paths.find((path) => existsSync(path))

/** Whether tests can open a browser here. For `test.skipIf(!hasBrowser)`. */
export const hasBrowser = installed !== undefined

/** Why tests of pages are skipped, for their titles. */
export const browserNote = hasBrowser ? '' : ' (skipped: no Chromium is installed)'

/** Starts Chromium without a window. The caller closes it. */
export function startBrowser(): Promise<Browser> {
  // Chromium refuses to run as root with its sandbox, and /dev/shm is small in containers.
  const args = ['--no-sandbox', '--disable-dev-shm-usage']
  return chromium.launch({ executablePath: installed ?? '', args, timeout: 60_000 })
}

/** A page whose waits suit a busy machine, and what went wrong in it: exceptions, and refusals of the content security policy. */
export async function openPage(browser: Browser): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.setDefaultTimeout(60_000)
  const faults: string[] = []
  page.on('pageerror', ({ message }) => faults.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error' && /content security policy/i.test(message.text())) faults.push(message.text())
  })
  return { page, faults }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds in the page that shuts people out: the rules of serious and critical findings, and where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found: unknown = await page.evaluate(`axe.run().then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).slice(0, 3).join(' ')))`)
  return Array.isArray(found) ? found : [String(found)]
}
