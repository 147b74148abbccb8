import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import styles from './parts.module.css'

export interface Column<T> {
  readonly id: string
  readonly header: string
  readonly cell: (row: T) => ReactNode
  /** Numbers stand right. */
  readonly align?: 'left' | 'right'
  /** Left out where the window is narrow: the row's own page, or another column, says it too. */
  readonly spare?: boolean
  /** `fit`: as narrow as its content, one line. `wide`: sentences. */
  readonly width?: 'fit' | 'wide'
  /** Key to ask the server to sort by; absent: not sortable. */
  readonly sortKey?: string
}

export interface Sort {
  readonly key: string
  readonly descending: boolean
}

/** A table whose order and pages are the server's. `caption` is read by screen readers. */
export function DataTable<T>(props: {
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string
  readonly sort?: Sort
  readonly onSort?: (sort: Sort) => void
  readonly footer?: ReactNode
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups inputs; this is a table that may scroll, and no landmark.
    <div className={styles.tableWrap} tabIndex={0} role="group" aria-label={props.caption}>
      <table className={styles.table}>
        <caption className={styles.visuallyHidden}>{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.id} scope="col" className={classOf(column)} aria-sort={ariaSort(column, props.sort)}>
                <Header column={column} sort={props.sort} onSort={props.onSort} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)}>
              {props.columns.map((column) => (
                <td key={column.id} className={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {props.footer}
    </div>
  )
}

function classOf<T>({ align, width, spare }: Column<T>): string | undefined {
  const names = [
    align === 'right' ? styles.right : undefined,
    width ? styles[width] : undefined,
    spare ? styles.spare : undefined,
  ].filter(Boolean)
  return names.length > 0 ? names.join(' ') : undefined
}

function ariaSort<T>(column: Column<T>, sort: Sort | undefined): 'ascending' | 'descending' | undefined {
  if (!column.sortKey || sort?.key !== column.sortKey) return undefined
  return sort.descending ? 'descending' : 'ascending'
}

function Header<T>(props: {
  readonly column: Column<T>
  readonly sort: Sort | undefined
  readonly onSort: ((sort: Sort) => void) | undefined
}) {
  const { column, sort, onSort } = props
  const key = column.sortKey
  if (!key || !onSort) return column.header
  const active = sort?.key === key
  return (
    <button
      type="button"
      className={styles.sortButton}
      onClick={() => onSort({ key, descending: active ? !sort.descending : true })}
    >
      {column.header}
      {active && (sort.descending ? <IconArrowDown size={12} aria-hidden /> : <IconArrowUp size={12} aria-hidden />)}
    </button>
  )
}
