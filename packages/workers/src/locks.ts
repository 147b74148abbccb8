import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { chooseInterpreter } from './interpreter.ts'
import { CLONE } from './place.ts'

/** A lock that models may run in, and the packages it holds. */
export interface ServingLock {
  readonly file: string
  /** Version by normal name. */
  readonly packages: ReadonlyMap<string, string>
}

/** The lock a version gets, or why none does. */
export type LockChoice =
  | { readonly kind: 'lock'; readonly file: string }
  | { readonly kind: 'unmet'; readonly reason: string }

/** In the order in which they are tried: the smallest that has what a model asks for is its own. */
const SERVING = ['worker.txt', 'boosting.txt', 'tensorflow.txt', 'torch.txt']

/** Distributions of one library under several names. */
const SAME: Readonly<Record<string, string>> = {
  'xgboost-cpu': 'xgboost',
  'tensorflow-cpu': 'tensorflow',
  'tensorflow-intel': 'tensorflow',
  'mlflow-skinny': 'mlflow',
}

/** What a model's own bytes are written by: another minor version may read them wrongly without a word. */
const WRITES_MODELS = new Set(['scikit-learn', 'xgboost', 'lightgbm', 'tensorflow', 'keras', 'torch'])

/** What MLflow infers where it is installed and no prediction needs: scikit-learn's helpers for tests import it when they can. */
const NOT_NEEDED = new Set(['pytest'])

/** The locks of this release that models may run in, as the Python of that minor version installs them. */
export function servingLocks(
  minor: string = chooseInterpreter().minor,
  folder: string = join(CLONE, 'python/locks'),
): ServingLock[] {
  const there = new Set(readdirSync(folder))
  return SERVING.filter((name) => there.has(name)).map((name) => {
    const file = join(folder, name)
    return { file, packages: packagesOf(readFileSync(file, 'utf8'), minor) }
  })
}

function packagesOf(lock: string, minor: string): Map<string, string> {
  const pinned = [...lock.matchAll(/^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)(?:\s*;([^\\\n]*))?/gm)]
  const here = pinned.filter(([, , , marker = '']) => holds(marker, minor))
  return new Map(here.map(([, name = '', version = '']) => [normal(name), version]))
}

/** Whether the marker's bounds on Python hold: a lock for every Python has a version for each range of them. */
function holds(marker: string, minor: string): boolean {
  const order = (version: string) => Number(version.split('.')[0]) * 1000 + Number(version.split('.')[1] ?? 0)
  const bounds = [...marker.matchAll(/python_full_version\s*(<|>=)\s*'([\d.]+)'/g)]
  return bounds.every(([, comparison, bound = '']) => order(minor) < order(bound) === (comparison === '<'))
}

/**
 * The smallest lock that meets the requirements a model was logged with (`requirements.txt` of MLflow). Its packages must be there; those that
 * write models in the same minor version, others in the same major one where a version was pinned: the lock is what was tested together.
 */
export function chooseLock(requirements: string, locks: readonly ServingLock[]): LockChoice {
  const wanted = requirementsOf(requirements).filter(({ name }) => !NOT_NEEDED.has(name))
  const unmet: string[] = []
  for (const { file, packages } of locks) {
    const missing = [...new Set(wanted.flatMap((requirement) => problemOf(requirement, packages) ?? []))]
    if (missing.length === 0) return { kind: 'lock', file }
    unmet.push(`${basename(file, '.txt')} ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' …' : ''}`)
  }
  return {
    kind: 'unmet',
    reason: `No environment of this release has what the model was logged with: ${unmet.join('; ')}. Log it again with versions that one has (python/locks), or without the requirements it does not need ("pip_requirements").`,
  }
}

interface Requirement {
  readonly name: string
  /** Pinned exactly; null: any. */
  readonly version: string | null
}

function requirementsOf(text: string): Requirement[] {
  return text.split('\n').flatMap((line) => {
    // Options (-c constraints.txt) say how to install, not what.
    const found = /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(==\s*([^\s;,]+))?/.exec(line)
    return found ? [{ name: normal(found[1] ?? ''), version: found[3] ?? null }] : []
  })
}

function problemOf({ name, version }: Requirement, packages: ReadonlyMap<string, string>): string | null {
  const has = packages.get(name)
  if (has === undefined) return `lacks ${name}`
  if (version === null || name === 'mlflow') return null
  const parts = WRITES_MODELS.has(name) ? 2 : 1
  const same = (of: string) => of.split('.').slice(0, parts).join('.')
  return same(version) === same(has) ? null : `has ${name} ${has}, not ${version}`
}

function normal(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[._-]+/g, '-')
  return SAME[plain] ?? plain
}
