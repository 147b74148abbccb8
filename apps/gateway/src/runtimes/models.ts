import { hash } from 'node:crypto'
import type { Runtime, Variant, WorkerPolicy } from '@tidemark/contracts'
import type { Model } from './model.ts'
import { toUnload } from './residence.ts'

/** A loaded version with the number of those who use it: it is closed when its snapshot is gone and its last request was answered. */
export interface LoadedVersion {
  readonly version: string
  readonly runtime: Runtime
  readonly workers?: WorkerPolicy | undefined
  readonly model: Model
}

interface Entry {
  readonly loaded: Promise<LoadedVersion>
  /** null while it loads. */
  version: LoadedVersion | null
  uses: number
  lastUsedMs: number
  wanted: boolean
  closed: boolean
}

export type LoadModel = (variant: Variant) => Promise<Model>

/** The versions in memory, each once however many endpoints serve it. */
export class Models {
  private readonly entries = new Map<string, Entry>()
  private readonly byVersion = new WeakMap<LoadedVersion, Entry>()
  private readonly load: LoadModel
  private readonly onCount: (count: number) => void

  constructor(load: LoadModel, onCount: (count: number) => void = () => {}) {
    this.load = load
    this.onCount = onCount
  }

  /** The version, loaded now or before. Call `keepOnly` afterwards, or it stays. A failed load is forgotten, so that it may be tried again. */
  get(variant: Variant): Promise<LoadedVersion> {
    const key = keyOf(variant)
    const known = this.entries.get(key)
    if (known) return known.loaded
    const loaded = this.load(variant).then((model) => {
      const version: LoadedVersion = { ...variant, model }
      this.byVersion.set(version, entry)
      entry.version = version
      return version
    })
    const entry: Entry = { loaded, version: null, uses: 0, lastUsedMs: performance.now(), wanted: true, closed: false }
    this.entries.set(key, entry)
    loaded.catch(() => {
      if (this.entries.get(key) === entry) this.entries.delete(key)
    })
    this.onCount(this.entries.size)
    return loaded
  }

  /** Runs `work` with a version that will not be closed under it. */
  async using<T>(version: LoadedVersion, work: (model: Model) => Promise<T>): Promise<T> {
    const entry = this.byVersion.get(version)
    if (!entry) throw new Error(`Version ${version.version} was not loaded here.`)
    entry.uses += 1
    try {
      return await work(version.model)
    } finally {
      entry.uses -= 1
      entry.lastUsedMs = performance.now()
      this.closeIfDone(entry, version)
    }
  }

  /** Closes every version but these, each after its last request. */
  keepOnly(variants: readonly Variant[]): void {
    const wanted = new Set(variants.map(keyOf))
    for (const [key, entry] of this.entries) {
      if (wanted.has(key)) continue
      this.entries.delete(key)
      entry.wanted = false
      void entry.loaded.then(
        (version) => this.closeIfDone(entry, version),
        () => {},
      )
    }
    this.onCount(this.entries.size)
  }

  /** Unloads what was used least recently until the rest fits the budget. @returns the versions that were unloaded */
  async trim(budgetBytes: number): Promise<string[]> {
    const ready = [...this.entries.values()].flatMap(({ version, lastUsedMs, uses }) =>
      version ? [{ version, bytes: version.model.bytes?.() ?? 0, lastUsedMs, inUse: uses > 0 }] : [],
    )
    const unloaded = toUnload(ready, budgetBytes).map(({ version }) => version)
    await Promise.all(unloaded.map(({ model }) => model.unload?.()))
    return unloaded.map(({ version }) => version)
  }

  /** Closes everything at once; for the end of the process, when nothing is in flight. */
  async close(): Promise<void> {
    const entries = [...this.entries.values()]
    this.entries.clear()
    await Promise.all(entries.map((entry) => entry.loaded.then(({ model }) => model.close()).catch(() => {})))
  }

  private closeIfDone(entry: Entry, version: LoadedVersion): void {
    if (entry.wanted || entry.uses > 0 || entry.closed) return
    entry.closed = true
    void version.model.close().catch(() => {})
  }
}

function keyOf(variant: Variant): string {
  return hash('sha256', JSON.stringify([variant.version, variant.runtime, variant.workers]), 'hex')
}
