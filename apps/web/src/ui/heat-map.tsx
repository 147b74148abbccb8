import { useEffect, useRef } from 'react'
import { trimmed } from './format.ts'
import styles from './heat-map.module.css'

export interface HeatCell {
  /** Size of the effect, 0 and more; null: nothing was judged. */
  readonly effect: number | null
  /** Decided to be a change: marked, never by colour alone. */
  readonly alarm: boolean
  readonly sentence: string
}

/** Rows × columns, value as depth of colour, decisions as marks. Each cell can be focused and reads its sentence. */
export function HeatMap(props: {
  readonly caption: string
  readonly rows: readonly string[]
  readonly columns: readonly { readonly key: string; readonly label: string }[]
  readonly cell: (row: string, column: string) => HeatCell | undefined
  /** Effect at full depth. */
  readonly full: number
  readonly onPick?: (column: string) => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const newest = props.columns.at(-1)?.key
  // The newest column is what a reader comes for.
  useEffect(() => {
    if (newest && scroller.current) scroller.current.scrollLeft = scroller.current.scrollWidth
  }, [newest])
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>{props.caption}</figcaption>
      <div className={styles.scroll} tabIndex={0} ref={scroller}>
        <table className={styles.map}>
          <thead>
            <tr>
              <td />
              {props.columns.map(({ key, label }, index) => (
                <th key={key} scope="col" className={styles.column}>
                  <span className={index % 6 === 0 && index + 4 < props.columns.length ? undefined : styles.hidden}>
                    {label}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.rows.map((row) => (
              <tr key={row}>
                <th scope="row">{row}</th>
                {props.columns.map(({ key, label }) => (
                  <Cell
                    key={key}
                    cell={props.cell(row, key)}
                    name={`${row}, ${label}`}
                    full={props.full}
                    onPick={() => props.onPick?.(key)}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={styles.key}>
        <span className={styles.sample} style={{ background: depth(0.15) }} /> small effect
        <span className={styles.sample} style={{ background: depth(1) }} /> {trimmed(props.full)} and more
        <span className={`${styles.sample} ${styles.alarm}`}>!</span> decided to be a change
        <span className={`${styles.sample} ${styles.none}`} /> not judged
      </p>
    </figure>
  )
}

function depth(share: number): string {
  return `color-mix(in srgb, var(--tm-accent) ${Math.round(8 + share * 72)}%, var(--tm-surface))`
}

function Cell(props: {
  readonly cell: HeatCell | undefined
  readonly name: string
  readonly full: number
  readonly onPick: () => void
}) {
  const { cell, name, full } = props
  if (!cell || cell.effect === null) return <td className={styles.none} title={`${name}: not judged`} />
  const share = Math.min(1, Math.max(0, cell.effect / full))
  const text = `${name}: ${cell.sentence}`
  return (
    <td className={cell.alarm ? styles.alarm : undefined} style={cell.alarm ? undefined : { background: depth(share) }}>
      <button type="button" title={text} aria-label={text} onClick={props.onPick} className={styles.cell}>
        {cell.alarm ? '!' : ''}
      </button>
    </td>
  )
}
