import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { browserPath } from '../../../tools/browser.ts'
import { ensureWeb } from '../../cli/src/web-build.ts'
import { startTestServer, type TestServer } from '../../server/src/platform/testing.ts'
import { openBrowser, type Theme, Visit } from './browser.ts'

const chromium = browserPath()
const skip = chromium ? false : 'no browser: set TIDEMARK_BROWSER, or install chromium'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PASSWORD = 'a password for tests'

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.locator('input[name=password]').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

describe('the web UI of a platform with login', { skip }, () => {
  let server: TestServer
  let browser: Browser

  before(async () => {
    await ensureWeb(ROOT)
    server = await startTestServer({ login: true })
    browser = await openBrowser(chromium ?? '')
    const { identity } = server.client
    await identity.createPerson({ body: { name: 'root', password: PASSWORD, admin: true } })
    for (const [name, role] of [
      ['olga', 'owner'],
      ['vic', 'viewer'],
    ] as const) {
      await identity.createPerson({ body: { name, password: PASSWORD } })
      await identity.setMember({ params: { name }, body: { role } })
    }
    await identity.createWorkspace({ body: { name: 'team-a', description: 'the first team' } })
    await identity.createToken({ body: { name: 'ci', role: 'editor' } })
  })
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  for (const theme of ['light', 'dark'] satisfies Theme[])
    for (const width of [1440, 768])
      test(`login and settings fit ${width} px in the ${theme} theme, without an axe violation or a console error`, async () => {
        const visit = await Visit.open(browser, server.url, theme, width)
        await visit.page.goto(`${server.url}/settings`)
        await visit.page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
        assert.match(visit.page.url(), /\/login\?next=%2Fsettings$/)
        await visit.check('login', width === 1440)
        await signIn(visit.page, 'root')
        await visit.page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
        for (const name of ['Members', 'Tokens', 'Workspaces', 'People'])
          await visit.page.getByRole('table', { name }).waitFor()
        await visit.check('settings-login', width === 1440)
        await visit.page.getByRole('button', { name: 'Create a token', exact: true }).click()
        await visit.page.getByRole('dialog').getByLabel('Days until it is void').waitFor()
        await visit.check('settings-token', width === 1440)
        await visit.close()
      })

  test('a wrong password says so and lets try again; signed out, nothing is seen any more', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    const { page } = visit
    await page.goto(`${server.url}/`)
    await page.getByLabel('Name').fill('vic')
    await page.locator('input[name=password]').fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('This name and password do not belong together.').waitFor()
    assert.equal(await page.locator('input[name=password]').inputValue(), '')
    await signIn(page, 'vic')
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    const cookies = await page.context().cookies()
    assert.deepEqual(
      cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
      [{ name: 'tidemark-session', httpOnly: true, sameSite: 'Strict' }],
    )
    await page.getByRole('button', { name: 'vic: settings' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    await page.goto(`${server.url}/models`)
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    await visit.close()
  })

  test('a viewer is offered nothing that a viewer may not', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.page.goto(`${server.url}/login?next=/settings`)
    await signIn(visit.page, 'vic')
    await visit.page.getByRole('heading', { name: 'You', exact: true }).waitFor()
    await visit.page.getByRole('table', { name: 'Workspaces' }).waitFor()
    for (const name of ['Members', 'Tokens', 'People'])
      assert.equal(await visit.page.getByRole('heading', { name, exact: true }).count(), 0, name)
    assert.equal(await visit.page.getByRole('button', { name: 'Add a workspace' }).count(), 0)
    await visit.check('settings-viewer')
    await visit.close()
  })

  test('an owner adds a member, makes a token that is shown once, and revokes it', async () => {
    await server.client.identity.createPerson({ body: { name: 'new.comer', password: PASSWORD } })
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    const { page } = visit
    await page.goto(`${server.url}/login?next=/settings`)
    await signIn(page, 'olga')
    await page.getByRole('button', { name: 'Add a member' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('new.comer')
    await dialog.getByLabel('Role').selectOption('editor')
    await dialog.getByRole('button', { name: 'Add member' }).click()
    await page
      .getByRole('table', { name: 'Members' })
      .getByRole('row', { name: /new\.comer editor/ })
      .waitFor()

    await page.getByRole('button', { name: 'Create a token', exact: true }).click()
    await dialog.getByLabel('Name').fill('nightly job')
    await dialog.getByRole('button', { name: 'Create token' }).click()
    const token = await dialog.locator('pre').first().innerText()
    assert.match(token, /^tdm_[\w-]{43}$/)
    await visit.check('settings-token-shown')
    const asked = await fetch(`${server.url}/api/v1/info`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(asked.status, 200)
    await dialog.getByRole('button', { name: 'Close' }).click()
    assert.ok(!(await page.content()).includes(token))

    const row = page.getByRole('table', { name: 'Tokens' }).getByRole('row', { name: /nightly job/ })
    await row.getByRole('button', { name: 'Revoke' }).click()
    await dialog.getByRole('button', { name: 'Revoke token' }).click()
    await row.getByText('revoked').waitFor()
    const again = await fetch(`${server.url}/api/v1/info`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(again.status, 401)
    await visit.close()
  })

  test('the workspace is chosen at the top, and a link of the mlflow client leads into its own', async () => {
    const inTeamA = async (path: string, body: object) => {
      const answer = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-mlflow-workspace': 'team-a',
          authorization: `Bearer ${server.server.adminToken}`,
        },
        body: JSON.stringify(body),
      })
      return (await answer.json()) as { experiment_id: string }
    }
    const { experiment_id } = await inTeamA('experiments/create', { name: 'only in team-a' })
    await inTeamA('runs/create', { experiment_id })
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    const { page } = visit
    await page.goto(`${server.url}/login?next=/experiments`)
    await signIn(page, 'root')
    await page.getByText('No run yet').waitFor()
    await page.getByRole('button', { name: /^Workspace default/ }).click()
    await page.getByRole('menuitem', { name: 'team-a' }).click()
    await page.getByRole('button', { name: /^Workspace team-a/ }).waitFor()
    await visit.go('/experiments', 'Experiments')
    await page.getByRole('link', { name: 'only in team-a' }).waitFor()
    await page.goto(`${server.url}/#/experiments/0?workspace=default`)
    await page.getByRole('button', { name: /^Workspace default/ }).waitFor()
    await page.getByRole('heading', { level: 1, name: 'Default' }).waitFor()
    await visit.close()
  })
})
