import { Button, NativeSelect, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { PredictionRow } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { Ago, DataTable, Empty, Failure, instant, Section, Skeleton, StateChip, trimmed } from '../ui/index.ts'
import styles from './log.module.css'
import { answerText } from './words.ts'

const FILTERS = ['version', 'caller', 'entity', 'outcome', 'where', 'from', 'to'] as const
type Filter = { readonly [K in (typeof FILTERS)[number]]?: string | undefined }

/** The prediction log: filters and page are in the URL; each row leads to its prediction. */
export function PredictionLog({ endpoint }: { readonly endpoint: string }) {
  const search = useSearch({ from: '/endpoints/$endpoint' })
  const navigate = useNavigate({ from: '/endpoints/$endpoint' })
  const filter = filterOf(search)
  const { cursor } = search
  const page = useQuery({
    queryKey: ['predictions', endpoint, filter, cursor],
    queryFn: () =>
      client.monitoring.listPredictions({
        params: { endpoint },
        query: { ...asked(filter), limit: 25, ...(cursor ? { cursor } : {}) },
      }),
    placeholderData: keepPreviousData,
    retry: false,
  })
  const filtered = Object.values(filter).some((value) => value !== undefined)
  const go = (next: Filter & { cursor?: string | undefined }) =>
    void navigate({ search: (old) => ({ ...old, cursor: undefined, ...next }), resetScroll: false })
  return (
    <Section
      title="Prediction log"
      note="Newest first, one line a row of a request, with the label where one is known. Times are event time."
    >
      <Filters key={JSON.stringify(filter)} filter={filter} onFilter={go} />
      {page.isError && <Failure error={page.error} what="The log" />}
      {page.isPending && <Skeleton lines={4} />}
      {page.data && page.data.predictions.length === 0 && (
        <Empty title={filtered ? 'No prediction matches' : 'No prediction yet'}>
          {filtered ? 'Change the filters, or clear them.' : 'Ask it with the form or a command above.'}
        </Empty>
      )}
      {page.data && page.data.predictions.length > 0 && <Rows rows={page.data.predictions} />}
      <div className={styles.pages}>
        {cursor && (
          <Button variant="default" onClick={() => go({})}>
            Newest
          </Button>
        )}
        {page.data?.nextCursor && (
          <Button variant="default" onClick={() => go({ cursor: page.data.nextCursor ?? undefined })}>
            Older
          </Button>
        )}
      </div>
    </Section>
  )
}

function filterOf(search: Record<string, string | undefined>): Filter {
  return Object.fromEntries(FILTERS.map((name) => [name, search[name]]))
}

/** As the API reads it; what no filter can be is left out, because a link may have been typed. */
function asked({ version, caller, entity, outcome, where, from, to }: Filter) {
  return {
    ...(version && /^[1-9]\d{0,8}$/.test(version) ? { version: Number(version) } : {}),
    ...(caller ? { caller } : {}),
    ...(entity ? { entity } : {}),
    ...(outcome === 'answered' || outcome === 'failed' ? { outcome: outcome as 'answered' | 'failed' } : {}),
    ...(where ? { where: where.split(/\s+and\s+/) } : {}),
    ...day('from', from),
    ...day('to', to),
  } as const
}

function day(name: 'from' | 'to', date: string | undefined) {
  return date && /^\d{4}-\d\d-\d\d$/.test(date) ? { [name]: `${date}T00:00:00Z` } : {}
}

function Filters({ filter, onFilter }: { readonly filter: Filter; readonly onFilter: (filter: Filter) => void }) {
  const [draft, setDraft] = useState<Filter>(filter)
  const field = (name: keyof Filter, label: string, placeholder = '') => (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={draft[name] ?? ''}
      onChange={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
    />
  )
  const cleaned = (given: Filter): Filter =>
    Object.fromEntries(FILTERS.map((name) => [name, given[name]?.trim() || undefined]))
  return (
    <form
      className={styles.filters}
      aria-label="Filters of the log"
      onSubmit={(event) => {
        event.preventDefault()
        onFilter(cleaned(draft))
      }}
    >
      {field('version', 'Version', '2')}
      {field('caller', 'Caller')}
      {field('entity', 'Business key')}
      <NativeSelect
        label="Outcome"
        data={[
          { value: '', label: 'any' },
          { value: 'answered', label: 'answered' },
          { value: 'failed', label: 'failed' },
        ]}
        value={draft.outcome ?? ''}
        onChange={(event) => setDraft({ ...draft, outcome: event.currentTarget.value })}
      />
      {field('from', 'From', '2026-01-31')}
      {field('to', 'To, not included', '2026-02-28')}
      <div className={styles.where}>{field('where', 'Where', 'input.budget >= 10 and prediction < 3')}</div>
      <div className={styles.actions}>
        <Button type="submit" variant="default">
          Filter
        </Button>
        {Object.values(filter).some(Boolean) && (
          <Button variant="subtle" onClick={() => onFilter(cleaned({}))}>
            Clear
          </Button>
        )}
      </div>
    </form>
  )
}

function Rows({ rows }: { readonly rows: readonly PredictionRow[] }) {
  return (
    <DataTable
      caption="Prediction log"
      rows={rows}
      rowKey={({ id, row }) => `${id}:${row}`}
      columns={[
        {
          id: 'id',
          header: 'Prediction',
          width: 'fit',
          cell: ({ id, row }) => (
            <Link to="/predictions/$id" params={{ id }} className="tm-mono" title={id}>
              {`…${id.slice(-12)}${row === 0 ? '' : ` row ${row}`}`}
            </Link>
          ),
        },
        { id: 'time', header: 'Event time', width: 'fit', cell: ({ eventTime }) => instant(eventTime) },
        { id: 'entity', header: 'About', cell: ({ entity }) => entity ?? '—' },
        {
          id: 'answer',
          header: 'Answer',
          align: 'right',
          cell: ({ error, prediction }) =>
            error === null ? answerText(prediction) : <StateChip tone="harm">failed</StateChip>,
        },
        {
          id: 'label',
          header: 'Came true',
          align: 'right',
          cell: ({ label }) => (label === null ? '—' : answerText(label)),
        },
        { id: 'version', header: 'Version', width: 'fit', cell: ({ version }) => version },
        { id: 'caller', header: 'Caller', spare: true, cell: ({ caller }) => caller ?? '—' },
        { id: 'arrived', header: 'Arrived', spare: true, width: 'fit', cell: ({ at }) => <Ago at={at} /> },
        {
          id: 'ms',
          header: 'ms',
          spare: true,
          align: 'right',
          cell: ({ milliseconds, timings }) => <span title={timesOf(timings)}>{trimmed(milliseconds)}</span>,
        },
      ]}
    />
  )
}

function timesOf(timings: PredictionRow['timings']): string {
  return timings
    ? Object.entries(timings)
        .map(([stage, ms]) => `${stage} ${trimmed(ms)} ms`)
        .join(', ')
    : 'in the model'
}
