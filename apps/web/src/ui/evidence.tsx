import styles from './evidence.module.css'
import { trimmed } from './format.ts'

type Numbers = Readonly<Record<string, unknown>>

const FEW = 6

/** The numbers that a decision used, by name: a few stand in the open, many behind one click. */
export function Evidence({ of }: { readonly of: Numbers }) {
  const entries = Object.entries(of).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
  if (entries.length === 0) return null
  if (entries.length <= FEW) return <List entries={entries} />
  const groups = groupsOf(entries)
  return (
    <details className={styles.details}>
      <summary>The {entries.length} numbers it used</summary>
      {groups.map(([name, members]) => (
        <div key={name} className={styles.group}>
          {name && <span className={styles.groupName}>{words(name)}</span>}
          <List entries={members} />
        </div>
      ))}
    </details>
  )
}

type Entry = readonly [name: string, value: unknown]

function List({ entries }: { readonly entries: readonly Entry[] }) {
  return (
    <dl className={styles.list}>
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{shownValue(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** `loss.margin` belongs to the group `loss`; names without a dot come first, in a group without a name. */
function groupsOf(entries: readonly Entry[]): [string, Entry[]][] {
  const groups = new Map<string, Entry[]>([['', []]])
  for (const [name, value] of entries) {
    const dot = name.indexOf('.')
    const group = dot < 0 ? '' : name.slice(0, dot)
    groups.set(group, [...(groups.get(group) ?? []), [name.slice(dot + 1), value]])
  }
  return [...groups].filter(([, members]) => members.length > 0)
}

function shownValue(value: unknown): string {
  if (typeof value === 'number') return trimmed(value)
  const text = String(value)
  return /^\d{4}-\d\d-\d\dT/.test(text) ? text.slice(0, 10) : text
}

/** `lossNow`, `loss_now` and `eValue` as "loss now" and "e-value". */
export function words(name: string): string {
  return name
    .replace(/_/g, ' ')
    .replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .replace(/\b([ep]) value\b/g, '$1-value')
    .replace(/e Value/g, 'e-value')
}
