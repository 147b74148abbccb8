import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const pages = [
  'README.md',
  ...globSync(['docs/**/*.md', 'examples/**/*.md', 'python/**/*.md', 'bench/*/*.md'], { cwd: root }),
]

/** Targets of links and images, without those inside code and comments. */
function targetsOf(text: string): string[] {
  const prose = text
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, 'code')
    .replaceAll(/<!--[\s\S]*?-->/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => String(target))
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    String(heading)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )
}

test('every relative link of the documents leads to a file, and to a heading where it names one', () => {
  const broken: string[] = []
  let read = 0
  for (const page of pages) {
    for (const target of targetsOf(readFileSync(join(root, page), 'utf8'))) {
      if (/^[a-z]+:/.test(target)) continue
      read += 1
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(root, page) : join(root, dirname(page), path)
      if (!existsSync(file)) broken.push(`${page}: ${target}`)
      else if (anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).includes(anchor))
        broken.push(`${page}: ${target}, no such heading`)
    }
  }
  assert.ok(read > 20, `only ${read} links were read`)
  assert.deepEqual(broken, [])
})

test("each station's rules are where the architecture's table says", () => {
  const rows = readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(
    /^\| [^|]+\| \[`([^`]+)`\]\([^)]+\) \| (.+) \|$/gm,
  )
  const named = [...rows].flatMap(([, folder, rules]) =>
    [...String(rules).matchAll(/`([^`]+)`/g)].map(([, file]) => join(String(folder), String(file))),
  )
  assert.ok(named.length >= 8, `only ${named.length} files were read`)
  assert.deepEqual(
    named.filter((file) => !existsSync(join(root, file))),
    [],
  )
})

test('every rule of the product is named in the architecture', () => {
  const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const rules = globSync('apps/{server,gateway,cli}/src/**/decide.ts', { cwd: root })
  assert.ok(rules.length >= 10, `only ${rules.length} rules were read`)
  const unnamed = rules.filter((rule) => {
    const [, folder = '', rest = ''] =
      /^(apps\/server\/src\/[A-Za-z]+|apps\/(?:gateway|cli)\/src)\/(.+)$/.exec(rule) ?? []
    const row = page.split('\n').find((line) => line.includes(`[\`${folder}\`]`)) ?? ''
    return !row.includes(`\`${rest}\``)
  })
  assert.deepEqual(unnamed, [])
})
