import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ColumnProfile, Dataset } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  Ago,
  bytes,
  CopyId,
  Count,
  DataTable,
  day,
  Figures,
  Loaded,
  LoadedPage,
  Page,
  Section,
  StateChip,
  shortNumber,
} from '../ui/index.ts'
import { Bars } from './bars.tsx'
import { Quarantine } from './quarantine.tsx'

export function DatasetPage() {
  const { dataset: name } = useParams({ from: '/data/$dataset' })
  const dataset = useQuery({
    queryKey: ['data', name],
    queryFn: () => client.data.getDataset({ params: { dataset: name } }),
  })
  return (
    <LoadedPage query={dataset} what={`Dataset ${name}`} crumbs={<Link to="/data">Data</Link>}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={<Link to="/data">Data</Link>}
          state={
            <StateChip tone={data.quarantinedRows > 0 ? 'watch' : 'good'}>
              {data.quarantinedRows > 0 ? `${data.quarantinedRows} rows quarantined` : 'clean'}
            </StateChip>
          }
          sentence={data.definition.description || data.definition.source}
        >
          <Figures items={figures(data)} />
          <Quarantine dataset={data} />
          <Versions dataset={name} />
          {data.latest && <Profile dataset={name} />}
        </Page>
      )}
    </LoadedPage>
  )
}

function figures(dataset: Dataset) {
  const { latest, definition } = dataset
  return [
    {
      label: 'Rows',
      value: latest ? <Count value={latest.rows} /> : '—',
      note: latest?.from && latest.to ? `${day(latest.from)} to ${day(latest.to)}` : 'no event time',
    },
    { label: 'Versions', value: dataset.versions, note: latest ? `latest is ${latest.version}` : 'none yet' },
    { label: 'Target', value: definition.target ?? '—', note: `key: ${definition.key.join(', ')}` },
    { label: 'Licence', value: definition.license, note: definition.source },
  ]
}

function Versions({ dataset }: { readonly dataset: string }) {
  const versions = useQuery({
    queryKey: ['data', dataset, 'versions'],
    queryFn: () => client.data.listVersions({ params: { dataset }, query: { limit: 20 } }),
  })
  return (
    <Section title="Versions" note="Newest first. A later batch stores only what is new.">
      <Loaded query={versions} what="The versions">
        {(data) => (
          <DataTable
            caption="Versions"
            rows={data.versions}
            rowKey={(row) => String(row.version)}
            columns={[
              { id: 'version', header: 'Version', width: 'fit', align: 'right', cell: (row) => row.version },
              { id: 'digest', spare: true, header: 'Digest', width: 'fit', cell: (row) => <CopyId id={row.digest} /> },
              {
                id: 'rows',
                header: 'Rows',
                width: 'fit',
                align: 'right',
                cell: (row) => row.rows.toLocaleString('en'),
              },
              {
                id: 'new',
                header: 'New',
                width: 'fit',
                align: 'right',
                cell: (row) => row.newRows.toLocaleString('en'),
              },
              {
                id: 'replaced',
                spare: true,
                header: 'Replaced',
                width: 'fit',
                align: 'right',
                cell: (row) => row.replacedRows,
              },
              { id: 'bytes', header: 'Stored', width: 'fit', align: 'right', cell: (row) => bytes(row.newBytes) },
              {
                id: 'quarantined',
                header: 'Quarantined',
                width: 'fit',
                align: 'right',
                cell: (row) => row.quarantinedRows,
              },
              { id: 'source', header: 'Source', cell: (row) => row.source },
              { id: 'when', header: 'Made', width: 'fit', cell: (row) => <Ago at={row.createdAt} /> },
            ]}
          />
        )}
      </Loaded>
    </Section>
  )
}

function Profile({ dataset }: { readonly dataset: string }) {
  const profile = useQuery({
    queryKey: ['data', dataset, 'profile'],
    queryFn: () => client.data.getProfile({ params: { dataset, version: 'latest' } }),
    refetchInterval: false,
  })
  return (
    <Section title="Columns of the latest version">
      <Loaded query={profile} what="The profile">
        {(data) => (
          <DataTable
            caption="Profile"
            rows={data.columns}
            rowKey={(row) => row.column}
            columns={[
              { id: 'column', header: 'Column', cell: (row) => row.column },
              { id: 'type', header: 'Type', cell: (row) => row.type },
              {
                id: 'missing',
                header: 'Missing',
                align: 'right',
                cell: (row) => (row.rows === 0 ? '—' : `${Math.round((100 * row.missing) / row.rows)} %`),
              },
              { id: 'distinct', header: 'Distinct', align: 'right', cell: (row) => <Count value={row.distinct} /> },
              { id: 'shape', header: 'Shape', cell: (row) => <Shape of={row} /> },
              { id: 'typical', header: 'Typical', cell: (row) => typical(row) },
            ]}
          />
        )}
      </Loaded>
    </Section>
  )
}

function Shape({ of }: { readonly of: ColumnProfile }) {
  const counts =
    of.numeric?.histogram.map(({ rows }) => rows) ??
    of.time?.byYear.map(({ rows }) => rows) ??
    of.top.map(({ rows }) => rows)
  return <Bars values={counts.slice(0, 40)} label={`Distribution of ${of.column}`} />
}

function typical(column: ColumnProfile): string {
  if (column.numeric)
    return `${shortNumber(column.numeric.quantiles.p05)} to ${shortNumber(column.numeric.quantiles.p95)}, median ${shortNumber(column.numeric.quantiles.p50)}`
  if (column.time) return `${day(column.time.from)} to ${day(column.time.to)}`
  return column.top
    .slice(0, 3)
    .map(({ value }) => value || '(empty)')
    .join(', ')
}
