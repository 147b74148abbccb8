import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { browserPath } from '../../../tools/browser.ts'
import { ensureWeb } from '../../cli/src/web-build.ts'
import { WORKSPACE } from '../../server/src/deployments/testing.ts'
import { openBrowser, type Theme, Visit } from './browser.ts'
import { type ServingSite, startServingSite } from './servingSite.ts'

const chromium = browserPath()
const skip = chromium ? false : 'no browser: set TIDEMARK_BROWSER, or install chromium'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
describe('the pages of serving and rollouts', { skip }, () => {
  let site: ServingSite
  let browser: Browser

  before(async () => {
    await ensureWeb(ROOT)
    site = await startServingSite()
    browser = await openBrowser(chromium ?? '')
  })
  after(async () => {
    await browser?.close()
    await site?.serving.close()
  })

  const open = (theme: Theme = 'light', width = 1440) => Visit.open(browser, site.serving.server.url, theme, width)

  for (const theme of ['light', 'dark'] satisfies Theme[])
    for (const width of [1440, 768])
      test(`serving's pages fit ${width} px in the ${theme} theme, without an axe violation or a console error`, async () => {
        const visit = await open(theme, width)
        for (const [name, path, title] of [
          ['serving-endpoint', '/endpoints/films', 'films'],
          ['serving-replay', '/models/films/2', 'films/2'],
          ['serving-prediction', `/predictions/${site.prediction}`, 'An answer of films'],
          ['rollout-running', `/rollouts/${site.rollouts.running}`, 'films/4 to films'],
          ['rollout-rolled-back', `/rollouts/${site.rollouts.rolledBack}`, 'films/2 to films'],
          ['rollout-promoted', `/rollouts/${site.rollouts.promoted}`, 'films/3 to films'],
        ] as const) {
          await visit.go(path, title)
          await settled(visit.page)
          await visit.check(name, width === 1440)
        }
        await visit.close()
      })

  test('a version says what it would decide otherwise, where, and each decision leads to its prediction', async () => {
    const visit = await open()
    await visit.go('/models/films/2', 'films/2')
    const region = visit.page.getByRole('region', { name: 'Logged requests, asked again' })
    await region.getByText(/100 decisions would be others.*Apart: genre = Horror/).waitFor()
    const slices = region.getByRole('table', { name: 'Slices' })
    assert.match(await slices.locator('tbody tr').first().innerText(), /apart\s+genre = Horror\s+100\s+90 %/)
    const flips = region.getByRole('table', { name: 'Decisions that would be others' })
    await flips.getByRole('link').first().click()
    await visit.page.getByRole('heading', { level: 1, name: 'An answer of films' }).waitFor()
    await visit.close()
  })

  test('a replay is asked for by keyboard, for the days that are named, and its answer comes to the page', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go('/models/films/4', 'films/4')
    const region = page.getByRole('region', { name: 'Logged requests, asked again' })
    await region.getByRole('button', { name: /^Replay (requests|again)$/ }).press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Ask films/4 what an endpoint was asked' })
    await dialog.getByLabel('Endpoint').waitFor()
    const today = new Date().toISOString().slice(0, 10)
    const confirm = dialog.getByRole('button', { name: 'Replay on films' })
    await dialog.getByLabel('First day').fill(today)
    await dialog.getByLabel('Last day').fill('2001-01-01')
    await dialog.getByText('It is before the first day.').waitFor()
    assert.ok(await confirm.isDisabled())
    await dialog.getByLabel('Last day').fill(today)
    await dialog.getByLabel('Tolerance').fill('0.25')
    await visit.check('replay-dialog')
    await confirm.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await region.getByText(/answers are the same to the last bit/).waitFor({ timeout: 60_000 })
    await region.getByRole('button', { name: 'Replay again' }).waitFor()
    await visit.check('replay-done')
    const { replays } = await site.serving.server.client.replays.list({
      query: { model: 'films', version: 4, limit: 1 },
    })
    assert.deepEqual(
      [replays[0]?.from, replays[0]?.report?.disagreement.tolerance, replays[0]?.state],
      [`${today}T00:00:00.000Z`, 0.25, 'done'],
    )
    await visit.close()
  })

  test('the endpoint says how it fares, and a span that is chosen is in the address', async () => {
    const visit = await open()
    await visit.go('/endpoints/films', 'films')
    await visit.page.getByText(/films\/\d serves.*requests? in the last hour, none failed; 95 % within/).waitFor()
    await visit.page.getByText('24 hours', { exact: true }).click()
    await visit.page.waitForURL(/range=24h/)
    await visit.page.getByText(/in the last 24 hours/).waitFor()
    const versions = visit.page.getByRole('table', { name: 'Versions that answer' })
    assert.match(await versions.innerText(), /films\/4\s+candidate/)
    await visit.close()
  })

  test('a rollout says what it waits for, what would change it, and that its decisions come out the same again', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go(`/rollouts/${site.rollouts.running}`, 'films/4 to films')
    const ahead = await page.getByRole('region', { name: 'What would change it' }).innerText()
    assert.match(ahead, /rolls back when/)
    assert.match(await page.getByRole('region', { name: 'Next look' }).innerText(), /UTC/)
    await page.getByText(/come out the same\.$/).waitFor()
    const flips = page.getByRole('table', { name: 'Largest disagreements' })
    assert.equal(await flips.locator('tbody tr').count(), 12)
    await page.getByRole('img', { name: /^Histogram from/ }).waitFor()
    await visit.close()
  })

  test('by keyboard alone a rollout is paused, resumed and rolled back, each with its reason', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go(`/rollouts/${site.rollouts.running}`, 'films/4 to films')
    /** Goes on with Tab until the button has the focus, and presses it. */
    const press = async (name: string) => {
      for (let step = 0; step < 60; step += 1) {
        await page.keyboard.press('Tab')
        const text = await page.evaluate(() => document.activeElement?.textContent ?? '')
        if (text === name) return page.keyboard.press('Enter')
      }
      assert.fail(`${name} is not reached by Tab`)
    }
    /** Types once the dialog has taken the focus. */
    const giveReason = async (reason: string) => {
      await page.locator('textarea:focus').waitFor()
      await page.keyboard.type(reason)
    }
    await press('Pause')
    await giveReason('a dashboard looks odd')
    await visit.check('rollout-pause-dialog')
    await press('Pause the rollout of films/4')
    await page.getByText('paused', { exact: true }).waitFor()
    await visit.check('rollout-paused')
    await press('Resume')
    await giveReason('it was the dashboard')
    await press('Resume the rollout of films/4')
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
    assert.equal(await site.stateOf(site.rollouts.running), 'canary')
    const { championVersion } = await site.serving.rollouts.deployments.rolloutView(WORKSPACE, site.rollouts.running)
    await press(`Roll back to ${championVersion}`)
    await giveReason('tried for the test')
    const danger = page.getByRole('button', { name: `Roll back to version ${championVersion}` })
    assert.ok(await danger.isDisabled())
    await page.keyboard.press('Tab')
    await page.keyboard.type(`films/${championVersion}`)
    await visit.check('rollout-roll-back-dialog')
    await press(`Roll back to version ${championVersion}`)
    await page.getByText('rolled back (person)').first().waitFor()
    assert.equal(await site.stateOf(site.rollouts.running), 'rolled_back')
    const decisions = await page.getByRole('region', { name: 'Decisions' }).innerText()
    assert.match(decisions, /tried for the test[\s\S]*it was the dashboard[\s\S]*a dashboard looks odd/i)
    await visit.close()
  })

  test('a request made in the form is answered, and its page says what was asked and answered', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go('/endpoints/films', 'films')
    await page.getByLabel('budget').fill('20.5')
    await page.getByLabel('genre').fill('Drama')
    await page.getByRole('region', { name: 'Ask it' }).getByLabel('Caller').fill('Ann')
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByRole('status').getByText('answered', { exact: true }).waitFor()
    await visit.check('serving-asked')
    await page.getByRole('link', { name: /^Its page/ }).click()
    await page.getByRole('heading', { level: 1, name: 'An answer of films' }).waitFor()
    const asked = await page.getByRole('region', { name: 'What was asked' }).innerText()
    assert.match(asked, /budget\s+20\.5\s+running_time\s+1\.5\s+genre\s+Drama/)
    assert.match(await page.getByRole('region', { name: 'Facts' }).innerText(), /Caller\s+Ann/)
    await visit.close()
  })

  test('a request that the gateway refuses is shown with its words', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go('/endpoints/films', 'films')
    await page.getByRole('region', { name: 'Ask it' }).getByLabel('Business key').fill('x'.repeat(300))
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page
      .getByRole('alert')
      .getByText(/entity/)
      .waitFor()
    await visit.close()
  })

  test('the snippets ask with this server’s addresses: the curl command answers as it stands', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go('/endpoints/films', 'films')
    const command = await page.getByRole('region', { name: 'Ask it' }).locator('pre').innerText()
    const said = execFileSync('sh', ['-c', command], { encoding: 'utf8' })
    assert.equal((JSON.parse(said) as { predictions: number[] }).predictions.length, 1)
    await page.getByText('Python', { exact: true }).click()
    const code = await page.getByRole('region', { name: 'Ask it' }).locator('pre').innerText()
    assert.match(
      code,
      new RegExp(
        `TIDEMARK_URL=${site.serving.server.url}\\n[\\s\\S]*tidemark\\.predict\\("films", \\[\\{"budget": 1\\.5`,
      ),
    )
    await visit.close()
  })

  test('the log is filtered by what stands in the address, and goes on with older ones', async () => {
    const visit = await open()
    const { page } = visit
    await visit.go('/endpoints/films?caller=visitor-3', 'films')
    const log = page.getByRole('table', { name: 'Prediction log' })
    await log.waitFor()
    const callers = await log.locator('tbody tr td:nth-child(7)').allInnerTexts()
    assert.ok(callers.length > 3 && callers.every((caller) => caller === 'visitor-3'), callers.join())
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.waitForURL((url) => !url.search.includes('caller'))
    await page.getByLabel('Where', { exact: true }).fill('input.budget >= 40 and prediction < 7')
    await page.keyboard.press('Enter')
    await page.waitForURL(/where=/)
    await log.waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByRole('button', { name: 'Older' }).click()
    await page.waitForURL(/cursor=/)
    await page.getByRole('button', { name: 'Newest' }).waitFor()
    await visit.close()
  })
})

/** Charts and lists that a page asks for after its head are there. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('#main [aria-busy="true"]') === null)
}
