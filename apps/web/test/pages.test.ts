import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { browserPath } from '../../../tools/browser.ts'
import { type FilmYear, seedFilmYear } from '../../cli/src/dev/film-year.ts'
import { ensureWeb } from '../../cli/src/web-build.ts'
import { startTestGateway, type TestGateway, until } from '../../server/src/deployments/gateways/testing.ts'
import { startTestServer, type TestServer } from '../../server/src/platform/testing.ts'
import { openBrowser, type Theme, Visit } from './browser.ts'

const chromium = browserPath()
const skip = chromium ? false : 'no browser: set TIDEMARK_BROWSER, or install chromium'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

describe('the web UI on a platform that lived for a while', { skip }, () => {
  let server: TestServer
  let gateway: TestGateway
  let browser: Browser
  let seeded: FilmYear

  before(async () => {
    await ensureWeb(ROOT)
    server = await startTestServer()
    gateway = await startTestGateway({
      dataDir: server.dataDir,
      serverUrl: server.url,
      token: server.internalToken,
    })
    browser = await openBrowser(chromium ?? '')
    seeded = await seedFilmYear({ client: server.client, url: server.url, gatewayUrl: gateway.url })
    const body = { version: 2, tolerance: 0.5 }
    const { id } = await server.client.replays.start({ params: { endpoint: 'films' }, body })
    await until(async () => (await server.client.replays.get({ params: { id } })).finishedAt !== null)
  })
  after(async () => {
    await browser?.close()
    await gateway?.end()
    await server?.close()
  })

  const pages = (): [name: string, path: string, title: string | RegExp][] => [
    ['home', '/', 'Home'],
    ['data', '/data', 'Data'],
    ['dataset', '/data/films', 'films'],
    ['experiments', '/experiments', 'Experiments'],
    ['experiment', '/experiments/1', 'films'],
    ['run', `/runs/${seeded.run}`, /^films-/],
    ['curves', `/runs/${seeded.curves}`, 'boosted-trees'],
    ['pipelines', '/pipelines', 'Pipelines'],
    ['pipeline-run', `/pipeline-runs/${seeded.pipelineRun}?step=train`, /^films, run/],
    ['models', '/models', 'Models'],
    ['model', '/models/films', 'films'],
    ['version', '/models/films/2', 'films/2'],
    ['endpoints', '/endpoints', 'Endpoints'],
    ['endpoint', '/endpoints/films', 'films'],
    ['rollout', `/rollouts/${seeded.rollout}`, 'films/2 to films'],
    ['monitoring', '/monitoring', 'Monitoring'],
    ['health', '/monitoring/films', 'films'],
    ['governance', '/governance', 'Governance'],
    ['settings', '/settings', 'Settings'],
    ['why', `/governance/why/${seeded.prediction}`, /^An answer of films/],
  ]

  for (const theme of ['light', 'dark'] satisfies Theme[])
    for (const width of [1440, 768])
      test(`every page fits ${width} px in the ${theme} theme, without an axe violation or a console error`, async () => {
        const visit = await Visit.open(browser, server.url, theme, width)
        for (const [name, path, title] of pages()) {
          await visit.go(path, title)
          await visit.check(name, width === 1440)
        }
        await visit.close()
      })

  test('home names what asks for a person, and a decision leads to its causes', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/', 'Home')
    const loop = visit.page.getByRole('navigation', { name: 'The loop' })
    assert.equal(await loop.getByRole('listitem').count(), 7)
    assert.match(await loop.getByRole('link', { name: /Serving/ }).innerText(), /films by films\/\d/)
    await visit.page.getByRole('link', { name: 'Why' }).first().click()
    await visit.page.getByRole('heading', { name: 'What led to it' }).waitFor()
    assert.match(visit.page.url(), /\/governance\/why\//)
    await visit.close()
  })

  test('a version says what it answers to what was asked before', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/models/films/2', 'films/2')
    const replay = visit.page.getByRole('region', { name: 'Logged requests, asked again' })
    await replay.getByText(/answers are the same to the last bit/).waitFor()
    assert.ok((await replay.getByRole('table', { name: 'Slices' }).locator('tbody tr').count()) > 5)
    await visit.close()
  })

  test('runs are sorted and filtered by the server, and the address holds both', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/experiments/1', 'films')
    const before = await visit.page.getByRole('table', { name: 'Runs' }).getByRole('row').count()
    await visit.page.getByRole('button', { name: 'holdout_rmse' }).click()
    await visit.page.waitForURL(/orderBy=metrics\.holdout_rmse/)
    await visit.page.getByLabel('Filter').fill('metrics.holdout_rmse > 0')
    await visit.page.keyboard.press('Enter')
    await visit.page.waitForURL(/filter=/)
    await visit.page.getByText('1 run matches.').waitFor()
    assert.ok(before > 2)
    const saved = visit.page.waitForEvent('download')
    await visit.page.getByRole('button', { name: 'Export CSV' }).click()
    const csv = readFileSync(await (await saved).path(), 'utf8').split('\r\n')
    assert.match(csv[0] ?? '', /^run,name,state,.*params\.trees.*metrics\.holdout_rmse/)
    assert.equal(csv.length, 2)
    await visit.close()
  })

  test('a curve is a picture and a table of the same numbers', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go(`/runs/${seeded.curves}`, 'boosted-trees')
    const curve = visit.page.getByRole('figure').filter({ hasText: 'train_rmse' }).first()
    await curve.locator('canvas').waitFor()
    await curve.getByRole('button', { name: 'As table' }).click()
    assert.equal(await curve.getByRole('row').count(), 201)
    await visit.close()
  })

  test('a step of a pipeline run says what its log says', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go(`/pipeline-runs/${seeded.pipelineRun}`, /^films, run/)
    await visit.page.getByRole('link', { name: 'train', exact: true }).click()
    await visit.page.getByText(/Fitted 60 trees/).waitFor()
    assert.match(visit.page.url(), /step=train/)
    await visit.close()
  })

  test('a rollout shows its way, its guardrails in sentences, and the numbers of each decision', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go(`/rollouts/${seeded.rollout}`, 'films/2 to films')
    const way = visit.page.getByRole('list', { name: 'The way of the rollout' })
    assert.deepEqual(await way.locator('strong').allInnerTexts(), ['Shadow', '10 %', '50 %', 'All callers'])
    await visit.page.getByText(/labelled things predicted by both versions/).waitFor()
    await visit.page
      .getByText(/^The \d+ numbers it used$/)
      .first()
      .click()
    await visit.page.getByText('labelled pairs').first().waitFor()
    await visit.close()
  })

  test('the fault that upstream made is named, and a window of the heat map opens with its checks', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/monitoring/films', 'films')
    const faults = visit.page.getByRole('table', { name: 'Input faults' })
    assert.match(await faults.innerText(), /Production Budget\s+× 0\.001\s+2000-10/)
    await visit.page.getByRole('button', { name: /^Production Budget, Oct 2000/ }).click()
    await visit.page.waitForURL(/window=/)
    await visit.page.getByRole('table', { name: 'Checks of the window' }).waitFor()
    await visit.close()
  })

  test('from a prediction to its model version, run, data and waiver', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go(`/governance/why/${seeded.prediction}`, /^An answer of films/)
    const facts = await visit.page.getByRole('region', { name: 'Facts' }).innerText()
    for (const fact of ['Model version', 'Run', 'Data version', 'Commit', 'Waiver'])
      assert.ok(facts.includes(fact), fact)
    await visit.close()
  })

  test('by keyboard alone: past the rail to the page, and anywhere by name', async () => {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/data', 'Data')
    await visit.page.keyboard.press('Tab')
    await visit.page.keyboard.press('Enter')
    assert.equal(await visit.page.evaluate(() => document.activeElement?.id), 'main')
    await visit.page.keyboard.press('Control+k')
    await visit.page.getByRole('combobox', { name: 'Name or id' }).fill('monitoring films')
    await visit.page.getByRole('option').first().waitFor()
    await visit.check('palette')
    await visit.page.keyboard.press('Enter')
    await visit.page.waitForURL(/\/monitoring\/films$/)
    await visit.page.keyboard.press('Control+k')
    await visit.page.getByRole('combobox', { name: 'Name or id' }).fill(seeded.prediction)
    await visit.page.keyboard.press('Enter')
    await visit.page.getByRole('heading', { level: 1, name: /^An answer of films/ }).waitFor()
    await visit.close()
  })

  test('what happens elsewhere appears without a reload', async () => {
    const visit = await Visit.open(browser, server.url, 'dark', 1440)
    await visit.go('/data', 'Data')
    await visit.page.getByText('Live', { exact: true }).waitFor()
    await server.client.data.defineDataset({
      body: { name: 'cinemas', key: ['Name'], columns: { Name: 'string' } },
    })
    await server.client.data.appendRows({
      params: { dataset: 'cinemas' },
      body: { rows: [{ Name: 'Odeon' }], source: 'by hand' },
    })
    await visit.page.getByRole('link', { name: 'cinemas' }).waitFor({ timeout: 5000 })
    await visit.close()
  })
})

test('an empty platform tells a newcomer what to do, and a lost connection says since when', { skip }, async () => {
  await ensureWeb(ROOT)
  const server = await startTestServer()
  const browser = await openBrowser(chromium ?? '')
  try {
    const visit = await Visit.open(browser, server.url, 'light', 1440)
    await visit.go('/', 'Home')
    await visit.page.getByText(`export MLFLOW_TRACKING_URI=${server.url}`).waitFor()
    await visit.check('home-empty')
    for (const [path, title] of [
      ['data', 'Data'],
      ['experiments', 'Experiments'],
      ['pipelines', 'Pipelines'],
      ['models', 'Models'],
      ['endpoints', 'Endpoints'],
      ['monitoring', 'Monitoring'],
      ['governance', 'Governance'],
    ] as const) {
      await visit.go(`/${path}`, title)
      await visit.check(`${path}-empty`)
    }
    await server.close()
    await visit.page.getByText(/Not live: connection lost \d+ s ago/).waitFor()
    await visit.close()
  } finally {
    await browser.close()
  }
})
