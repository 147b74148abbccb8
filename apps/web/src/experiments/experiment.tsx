import { Button, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { RunSummary } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import {
  Ago,
  type Column,
  DataTable,
  Empty,
  Failure,
  Page,
  Skeleton,
  type Sort,
  StateChip,
  trimmed,
} from '../ui/index.ts'
import { allRuns, csvOf, download } from './csv.ts'
import { runTone } from './words.ts'

const METRICS_SHOWN = 6

export function ExperimentPage() {
  const { experiment } = useParams({ from: '/experiments/$experiment' })
  const { filter = '', orderBy = 'start_time DESC', cursor } = useSearch({ from: '/experiments/$experiment' })
  const navigate = useNavigate({ from: '/experiments/$experiment' })
  const experiments = useQuery({
    queryKey: ['experiments', 'list'],
    queryFn: () => client.experiments.listExperiments({ query: {} }),
  })
  const runs = useQuery({
    queryKey: ['runs', experiment, filter, orderBy, cursor],
    queryFn: () =>
      client.experiments.searchRuns({
        query: { experiment, filter, orderBy, limit: 50, ...(cursor ? { cursor } : {}) },
      }),
    placeholderData: keepPreviousData,
  })
  const name = experiments.data?.experiments.find(({ id }) => id === experiment)?.name ?? experiment
  return (
    <Page
      title={name}
      crumbs={<Link to="/experiments">Experiments</Link>}
      action={
        <ExportButton
          onExport={async () => download(`${name}.csv`, csvOf(await allRuns({ experiment, filter, orderBy })))}
        />
      }
      sentence={runs.data ? counted(runs.data.total, filter !== '') : undefined}
    >
      <FilterBar
        key={filter}
        filter={filter}
        onFilter={(next) => void navigate({ search: (old) => ({ ...old, filter: next, cursor: undefined }) })}
      />
      {runs.isError && <Failure error={runs.error} what="The runs" />}
      {runs.isPending && <Skeleton />}
      {runs.data && runs.data.runs.length === 0 && (
        <Empty title="No run matches">Change the filter, or log the first run of this experiment.</Empty>
      )}
      {runs.data && runs.data.runs.length > 0 && (
        <DataTable
          caption="Runs"
          rows={runs.data.runs}
          rowKey={(row) => row.id}
          columns={columnsOf(runs.data.runs)}
          sort={sortOf(orderBy)}
          onSort={(sort) =>
            void navigate({
              search: (old) => ({
                ...old,
                orderBy: `${sort.key} ${sort.descending ? 'DESC' : 'ASC'}`,
                cursor: undefined,
              }),
            })
          }
        />
      )}
      {runs.data?.nextCursor && (
        <Button
          variant="default"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => void navigate({ search: (old) => ({ ...old, cursor: runs.data.nextCursor ?? undefined }) })}
        >
          Next page
        </Button>
      )}
    </Page>
  )
}

function ExportButton({ onExport }: { readonly onExport: () => Promise<void> }) {
  const [busy, setBusy] = useState(false)
  return (
    <Button
      variant="default"
      size="xs"
      loading={busy}
      onClick={() => {
        setBusy(true)
        void onExport().finally(() => setBusy(false))
      }}
    >
      Export CSV
    </Button>
  )
}

function counted(runs: number, filtered: boolean): string {
  const many = `${runs.toLocaleString('en')} ${runs === 1 ? 'run' : 'runs'}`
  return filtered ? `${many} ${runs === 1 ? 'matches' : 'match'}.` : `${many}.`
}

function FilterBar({ filter, onFilter }: { readonly filter: string; readonly onFilter: (filter: string) => void }) {
  const [text, setText] = useState(filter)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        onFilter(text.trim())
      }}
    >
      <TextInput
        label="Filter"
        placeholder={'metrics.rmse < 1.2 and params.seed = "7"'}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        rightSectionWidth={72}
        rightSection={
          <Button type="submit" size="compact-xs" variant="subtle">
            Search
          </Button>
        }
      />
    </form>
  )
}

function sortOf(orderBy: string): Sort {
  const match = /^(.*)\s+(ASC|DESC)$/i.exec(orderBy)
  return { key: match?.[1] ?? orderBy, descending: match?.[2]?.toUpperCase() === 'DESC' }
}

function columnsOf(runs: readonly RunSummary[]): Column<RunSummary>[] {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].slice(0, METRICS_SHOWN)
  return [
    {
      id: 'name',
      header: 'Run',
      cell: (row) => (
        <Link to="/runs/$run" params={{ run: row.id }}>
          {row.name}
        </Link>
      ),
    },
    {
      id: 'status',
      header: 'State',
      cell: (row) => <StateChip tone={runTone(row.status)}>{row.status.toLowerCase()}</StateChip>,
    },
    { id: 'start', header: 'Started', sortKey: 'start_time', cell: (row) => <Ago at={row.startedAt} /> },
    ...keys.map(
      (key): Column<RunSummary> => ({
        id: `m:${key}`,
        header: key,
        align: 'right',
        sortKey: /^[\w.]+$/.test(key) ? `metrics.${key}` : `metrics.\`${key}\``,
        cell: (row) => {
          const value = row.metrics[key]
          return value === undefined ? '' : value === null ? 'NaN' : trimmed(value)
        },
      }),
    ),
    { id: 'dataset', header: 'Data', cell: (row) => row.tags['tidemark.dataset_version'] ?? '—' },
    { id: 'user', header: 'By', cell: (row) => row.user || '—' },
  ]
}
