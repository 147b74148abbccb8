import type { Answer } from './http.ts'
import type { Step } from './scenario.ts'

/** An answer without what must differ between two servers: ids, times, names drawn by lot. */
export interface NormalAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

const COMPARED_HEADERS = ['content-type', 'content-disposition', 'x-content-type-options', 'allow', 'location']
const RECENT_MS = 24 * 3_600_000
const RANDOM_NAME = /^[a-z]+-[a-z]+-\d{1,3}$/

/** @param kept what earlier answers of the scenario gave; wherever it comes back its name stands for it. */
export function normalise(answer: Answer, step: Step, kept: ReadonlyMap<string, string>): NormalAnswer {
  const headers: Record<string, string> = {}
  for (const name of COMPARED_HEADERS) {
    const value = answer.headers[name]
    if (value === undefined) continue
    headers[name] = name === 'allow' ? value.split(/, */).sort().join(', ') : plain(value, kept)
  }
  if (answer.headers.etag !== undefined) headers.etag = '<etag>'
  return { status: answer.status, headers, body: walk(answer.body, '', step, kept) }
}

function walk(value: unknown, path: string, step: Step, kept: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => walk(item, path, step, kept))
    if (!step.unordered?.includes(path)) return items
    return items.toSorted((a, b) => (canonical(a) < canonical(b) ? -1 : 1))
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, walk(inner, path === '' ? key : `${path}.${key}`, step, kept)]),
    )
  }
  if (typeof value === 'string') {
    // A token is for the server that made it alone; that there is one, and what it leads to, is compared.
    if (path === 'next_page_token' && value !== '') return '<token>'
    // A server draws it from its clock.
    if (/^datasets?\.digest$/.test(path)) return /^[0-9a-f]{8}$/.test(value) ? '<digest>' : value
    if (RANDOM_NAME.test(value)) return '<random name>'
    if (/experiment_ids?$/.test(path)) {
      const name = [...kept].find(([, id]) => id === value && value !== '0')?.[0]
      return name === undefined ? value : `<${name}>`
    }
    return /^<!doctype html/i.test(value) ? '<page>' : plain(value, kept)
  }
  if (typeof value === 'number' && Math.abs(value - Date.now()) < RECENT_MS) return '<now>'
  return value
}

/** JSON text with sorted keys: servers may write them in any order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function plain(text: string, kept: ReadonlyMap<string, string>): string {
  let shown = text
  for (const [name, value] of [...kept].sort(([, a], [, b]) => b.length - a.length)) {
    if (value.length >= 6) shown = shown.replaceAll(value, `<${name}>`)
    // A short one is the number of an experiment: it is one only where these words say so.
    else if (/^\d+$/.test(value) && value !== '0') {
      const named = new RegExp(`(?<=mlflow-artifacts:/|id=|id |experiment )${value}(?![\\w.])|(?<=')${value}(?=/)`, 'g')
      shown = shown.replace(named, `<${name}>`)
    }
  }
  return shown
    .replace(/\b[0-9a-f]{32}\b/g, '<hex>')
    .replace(/\bm-<hex>/g, '<model id>')
    .replace(/'mlflow\.runName', '[a-z]+-[a-z]+-\d{1,3}'/g, "'mlflow.runName', '<random name>'")
    .replace(/\{('[^'{}]*'(?:, '[^'{}]*')*)\}/g, (_all, items: string) => `{${items.split(', ').sort().join(', ')}}`)
}
