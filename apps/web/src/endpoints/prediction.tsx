import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { type JsonValue, type Prediction, predictionOfRow } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { WhyLink } from '../governance/why-link.tsx'
import { VersionLink } from '../models/version-link.tsx'
import {
  Ago,
  Columns,
  CopyId,
  DataTable,
  Figures,
  instant,
  LoadedPage,
  Page,
  Pairs,
  Section,
  StateChip,
  sentence,
  trimmed,
} from '../ui/index.ts'
import { Explain } from './explanation.tsx'
import { Times } from './times.tsx'
import { answerText, runsWhere } from './words.ts'

const ROWS_SHOWN = 100

/** One prediction: what was asked, what was answered and why, how long it took, what came true, and who answered. */
export function PredictionPage() {
  const { id } = useParams({ from: '/predictions/$id' })
  const prediction = useQuery({
    queryKey: ['prediction', id],
    queryFn: () => client.monitoring.getPrediction({ params: { id } }),
  })
  return (
    <LoadedPage query={prediction} what="The prediction" crumbs={<Link to="/endpoints">Endpoints</Link>}>
      {(data) => {
        const { answer } = data
        return (
          <Page
            title={`An answer of ${answer.endpoint}`}
            crumbs={
              <>
                <Link to="/endpoints">Endpoints</Link> ·{' '}
                <Link to="/endpoints/$endpoint" params={{ endpoint: answer.endpoint }}>
                  {answer.endpoint}
                </Link>
              </>
            }
            state={
              <StateChip tone={answer.error === null ? 'good' : 'harm'}>
                {answer.error === null ? 'answered' : 'failed'}
              </StateChip>
            }
            sentence={inWords(data)}
            action={<WhyLink id={answer.id} />}
          >
            <Figures items={figures(data)} />
            <Rows prediction={data} />
            {answer.error === null ? <Explain prediction={data} /> : <Failed error={answer.error} />}
            <Columns>
              <Times milliseconds={answer.milliseconds} timings={answer.timings ?? null} />
              <Facts prediction={data} />
            </Columns>
          </Page>
        )
      }}
    </LoadedPage>
  )
}

function inWords({ answer, labels }: Prediction): string {
  const rows = answer.rows.length
  const about = rows === 1 ? (answer.entities[0] ?? 'one thing') : `${rows} rows`
  if (answer.error !== null) return `Version ${answer.version} failed on ${about}.`
  if (rows > 1)
    return `Version ${answer.version} answered ${rows} rows; ${labels.filter((label) => label !== null).length} have a label.`
  const [label] = labels
  const answered = `Version ${answer.version} answered ${answerText(predictionOfRow(answer, 0) ?? null)} about ${about}`
  return label === null || label === undefined
    ? `${answered}; what came true is not known yet.`
    : `${answered}; ${answerText(label)} came true.`
}

function figures({ answer, mirror, labels }: Prediction) {
  const one = answer.rows.length === 1
  const value = one ? (predictionOfRow(answer, 0) ?? null) : null
  const label = labels[0] ?? null
  const off = typeof value === 'number' && typeof label === 'number' ? Math.abs(value - label) : null
  return [
    {
      label: 'Answer',
      value: answer.error !== null ? 'none' : one ? answerText(value) : `${answer.rows.length} rows`,
      note: `by ${answer.version}, ${runsWhere(answer.runtime)}`,
    },
    {
      label: 'Came true',
      value: one
        ? label === null
          ? 'not known'
          : answerText(label)
        : `${labels.filter((each) => each !== null).length} labels`,
      note:
        off === null ? 'a label may come by this id or by the business key' : `${trimmed(off)} away from the answer`,
    },
    ...(mirror
      ? [
          {
            label: 'The other version said',
            value: mirror.error === null ? answerText(predictionOfRow(mirror, 0) ?? null) : 'it failed',
            note: `${mirror.version}, mirrored: nobody got this answer`,
          },
        ]
      : []),
    { label: 'Time in the model', value: `${trimmed(answer.milliseconds)} ms` },
  ]
}

function Rows({ prediction }: { readonly prediction: Prediction }) {
  const { answer, labels } = prediction
  const redacted = Object.entries(answer.redacted ?? {})
  const withheld =
    redacted.length === 0
      ? ''
      : `Withheld by the endpoint's policy: ${redacted.map(([column, how]) => `${column} (${how === 'hash' ? 'hashed' : 'masked'})`).join(', ')}.`
  if (answer.rows.length === 1) {
    const cells = answer.rows[0] ?? []
    return (
      <Section title="What was asked" note={withheld || undefined}>
        <Pairs
          items={answer.columns.map((column, index) => [column || 'input', cellText(cells[index] ?? null)] as const)}
        />
      </Section>
    )
  }
  const rows = answer.rows.slice(0, ROWS_SHOWN).map((cells, row) => ({ cells, row }))
  const first = answer.rows.length > ROWS_SHOWN ? `The first ${ROWS_SHOWN} of ${answer.rows.length} rows.` : ''
  return (
    <Section title="What was asked, row by row" note={`${first} ${withheld}`.trim() || undefined}>
      <DataTable
        caption="Rows of the request"
        rows={rows}
        rowKey={({ row }) => String(row)}
        columns={[
          { id: 'row', header: 'Row', align: 'right', width: 'fit', cell: ({ row }) => row },
          { id: 'entity', header: 'About', cell: ({ row }) => answer.entities[row] ?? '—' },
          ...answer.columns.map((column, index) => ({
            id: `c:${column}`,
            header: column || 'input',
            cell: ({ cells }: { readonly cells: readonly JsonValue[] }) => cellText(cells[index] ?? null),
          })),
          {
            id: 'answer',
            header: 'Answer',
            align: 'right' as const,
            cell: ({ row }: { readonly row: number }) => answerText(predictionOfRow(answer, row) ?? null),
          },
          {
            id: 'label',
            header: 'Came true',
            align: 'right' as const,
            cell: ({ row }: { readonly row: number }) => (labels[row] == null ? '—' : answerText(labels[row] ?? null)),
          },
        ]}
      />
    </Section>
  )
}

function cellText(cell: JsonValue): string {
  return cell === null
    ? 'missing'
    : typeof cell === 'number'
      ? trimmed(cell)
      : typeof cell === 'string'
        ? cell
        : JSON.stringify(cell)
}

function Failed({ error }: { readonly error: string }) {
  return (
    <Section title="Why it failed" note="The version's own words; the caller did not see them.">
      <p className="tm-prose">{sentence(error)}</p>
    </Section>
  )
}

function Facts({ prediction: { answer } }: { readonly prediction: Prediction }) {
  return (
    <Section title="Facts">
      <Pairs
        items={[
          ['Prediction', <CopyId key="id" id={answer.id} length={36} />],
          ['Arrived', <Ago key="at" at={new Date(answer.arrivedAt).toISOString()} />],
          ['Event time', `${instant(new Date(answer.eventTime).toISOString())} UTC`],
          ['Caller', answer.caller ?? 'not said'],
          ['Version', <VersionLink key="version" of={answer.version} />],
          [
            'Rollout',
            answer.rollout ? (
              <Link key="rollout" to="/rollouts/$rollout" params={{ rollout: answer.rollout.id }}>
                {`routed to the ${answer.rollout.arm} at ${answer.rollout.weightPercent} %`}
              </Link>
            ) : (
              'none was under way'
            ),
          ],
          ['Request id', <CopyId key="request" id={answer.requestId} length={36} />],
        ]}
      />
    </Section>
  )
}
