import type { ImportCount, ImportOutcome } from '@tidemark/contracts'

/** Kinds of things that are counted, in the order of the table. */
export const KINDS = {
  experiment: 'experiments',
  run: 'runs',
  point: 'metric points',
  parameter: 'parameters',
  tag: 'tags of runs',
  input: 'inputs and outputs of runs',
  loggedModel: 'logged models',
  file: 'artifact files',
  registeredModel: 'registered models',
  prompt: 'prompts',
  version: 'versions',
  alias: 'aliases',
} as const
export type Kind = keyof typeof KINDS

export interface Named {
  readonly kind: Kind
  readonly id: string
  readonly reason: string
}

type Outcome = ImportOutcome['outcome']
type Row = { -readonly [K in keyof Omit<ImportCount, 'kind'>]: number }

/** Counts of an import, and the names of what did not come over or differs. */
export class Tally {
  private readonly rows = new Map<Kind, Row>()
  readonly skipped: Named[] = []
  /** Came over and reads differently here. */
  readonly mismatched: Named[] = []
  /** Came over in another way than it was: joined, or under another id. */
  readonly told: Named[] = []

  count(kind: Kind, outcome: Exclude<Outcome, 'skipped'>, count = 1): void {
    const row = this.row(kind)
    row.source += count
    row[outcome] += count
  }

  skip(kind: Kind, id: string, reason: string, count = 1): void {
    const row = this.row(kind)
    row.source += count
    row.skipped += count
    this.skipped.push({ kind, id, reason })
  }

  mismatch(kind: Kind, id: string, reason: string): void {
    this.row(kind).mismatched += 1
    this.mismatched.push({ kind, id, reason })
  }

  tell(kind: Kind, id: string, reason: string): void {
    this.told.push({ kind, id, reason })
  }

  counts(): ImportCount[] {
    const kinds = Object.keys(KINDS) as Kind[]
    return kinds.flatMap((kind) => {
      const row = this.rows.get(kind)
      return row ? [{ kind: KINDS[kind], ...row }] : []
    })
  }

  private row(kind: Kind): Row {
    const row = this.rows.get(kind) ?? { source: 0, imported: 0, updated: 0, unchanged: 0, skipped: 0, mismatched: 0 }
    this.rows.set(kind, row)
    return row
  }
}
