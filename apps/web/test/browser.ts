import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu',
  '--disable-quic',
]
const PICTURES = new URL('../../../test-results/', import.meta.url).pathname

export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

export type Theme = 'light' | 'dark'

/** A window on the platform that remembers every error of its console. */
export class Visit {
  readonly page: Page
  private readonly context: BrowserContext
  private readonly base: string
  private readonly theme: Theme
  private readonly width: number
  private readonly errors: string[] = []

  private constructor(context: BrowserContext, page: Page, base: string, theme: Theme, width: number) {
    this.context = context
    this.page = page
    this.base = base
    this.theme = theme
    this.width = width
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.message}`))
  }

  static async open(browser: Browser, base: string, theme: Theme, width: number): Promise<Visit> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme })
    return new Visit(context, await context.newPage(), base, theme, width)
  }

  /** Opens a page and waits for its title and its data. */
  async go(path: string, title: string | RegExp): Promise<void> {
    await this.page.goto(this.base + path)
    await this.page.getByRole('heading', { level: 1, name: title }).waitFor()
    await this.page.locator('#main [aria-busy="true"]').first().waitFor({ state: 'detached' })
  }

  /** What holds for every page: nothing sticks out sideways, no axe violation, no error in the console; and its picture. */
  async check(name: string, withAxe = true): Promise<void> {
    const main = this.page.locator('#main')
    const sizes = await main.evaluate(({ scrollHeight, scrollWidth, clientWidth }) => ({
      scrollHeight,
      scrollWidth,
      clientWidth,
    }))
    assert.ok(sizes.scrollWidth <= sizes.clientWidth, `${name} is wider than its window at ${this.width} px`)
    const { violations } = withAxe ? await new AxeBuilder({ page: this.page }).analyze() : { violations: [] }
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`),
      [],
      `axe on ${name}, ${this.theme}`,
    )
    assert.deepEqual(this.errors, [])
    mkdirSync(PICTURES, { recursive: true })
    await this.page.setViewportSize({
      width: this.width,
      height: Math.min(4000, Math.max(900, sizes.scrollHeight + 48)),
    })
    await this.page.screenshot({ path: `${PICTURES}${name}-${this.width}-${this.theme}.png` })
    await this.page.setViewportSize({ width: this.width, height: 900 })
  }

  close(): Promise<void> {
    return this.context.close()
  }
}
