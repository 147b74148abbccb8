import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { type Column, DataTable, Loaded, Section } from '../ui/index.ts'

/** A section of the settings with the table of all that there is of one kind; without any, what to do about it. */
export function ListSection<Data, Row>(props: {
  /** In the plural: "Members". */
  readonly title: string
  readonly note: string
  readonly action: ReactNode
  readonly query: UseQueryResult<Data>
  readonly rows: (data: Data) => readonly Row[]
  readonly empty?: ReactNode
  readonly rowKey: (row: Row) => string
  readonly columns: readonly Column<Row>[]
  /** Below the table. */
  readonly children?: ReactNode
}) {
  const { title, query, rowKey, columns, empty } = props
  return (
    <Section title={title} note={props.note} action={props.action}>
      <Loaded query={query} what={`The ${title.toLowerCase()}`} lines={2}>
        {(data) => {
          const rows = props.rows(data)
          if (rows.length === 0 && empty) return empty
          return <DataTable caption={title} rows={rows} rowKey={rowKey} columns={columns} />
        }}
      </Loaded>
      {props.children}
    </Section>
  )
}
