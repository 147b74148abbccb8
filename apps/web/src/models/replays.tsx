import { Progress } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReplayReport, ReplaySlice, ReplayView } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { answerText } from '../endpoints/words.ts'
import {
  DataTable,
  Empty,
  Figures,
  instant,
  Loaded,
  Section,
  StateChip,
  sentence,
  shortNumber,
  type Tone,
  trimmed,
} from '../ui/index.ts'
import styles from './replays.module.css'
import { CancelReplay, StartReplay } from './startReplay.tsx'

const FLIPS = 10
const LOOK_MILLISECONDS = 1000
const SLICES = 12

const STATE: Readonly<Record<ReplayView['state'], { tone: Tone; word: string }>> = {
  waiting: { tone: 'unknown', word: 'waits its turn' },
  running: { tone: 'accent', word: 'under way' },
  done: { tone: 'good', word: 'done' },
  failed: { tone: 'harm', word: 'failed' },
  cancelled: { tone: 'unknown', word: 'cancelled' },
}

const VERDICT: Readonly<Record<ReplaySlice['verdict'], { tone: Tone; word: string }>> = {
  apart: { tone: 'harm', word: 'apart' },
  worse: { tone: 'harm', word: 'worse' },
  not_apart: { tone: 'plain', word: 'as elsewhere' },
  not_judged: { tone: 'unknown', word: 'not judged' },
}

function isUnderWay(replay: ReplayView | undefined): boolean {
  return replay?.state === 'waiting' || replay?.state === 'running'
}

/** What the version said when it was last asked again what an endpoint was asked. */
export function Replays({ model, version }: { readonly model: string; readonly version: number }) {
  const replays = useQuery({
    queryKey: ['replays', model, version],
    queryFn: () => client.replays.list({ query: { model, version, limit: 1 } }),
    refetchInterval: ({ state }) => (isUnderWay(state.data?.replays[0]) ? LOOK_MILLISECONDS : false),
  })
  const latest = replays.data?.replays[0]
  return (
    <Section
      title="Logged requests, asked again"
      note="What the version answers to requests of production, beside what was answered then."
      action={
        replays.data &&
        !isUnderWay(latest) && <StartReplay model={model} version={version} again={latest !== undefined} />
      }
    >
      <Loaded query={replays} what="The replay" lines={3}>
        {() =>
          latest ? (
            <Latest of={latest} />
          ) : (
            <Empty title="Never replayed" command={`tidemark replay ENDPOINT --version ${version}`}>
              A replay asks this version what an endpoint was asked, before anybody depends on its answers.
            </Empty>
          )
        }
      </Loaded>
    </Section>
  )
}

function Latest({ of }: { readonly of: ReplayView }) {
  const { state, report, problem, rows, rowsDone, endpoint, finishedAt, requestedAt } = of
  const what = `${endpoint}, ${finishedAt ? instant(finishedAt) : `asked for ${instant(requestedAt)}`}`
  return (
    <>
      <p className={styles.summary}>
        <StateChip tone={STATE[state].tone}>{STATE[state].word}</StateChip> {what}.{' '}
        {state === 'running' && rows !== null
          ? `${shortNumber(rowsDone)} of ${shortNumber(rows)} rows.`
          : sentence(report?.summary ?? problem ?? '')}
      </p>
      {isUnderWay(of) && (
        <div className={styles.underWay}>
          <Progress
            value={rows ? (100 * rowsDone) / rows : 0}
            aria-label={`Replay of ${of.model}/${of.version}: rows asked`}
          />
          <CancelReplay of={of} />
        </div>
      )}
      {report && report.answers.rows > 0 && <Report id={of.id} of={report} />}
    </>
  )
}

function Report({ id, of }: { readonly id: string; readonly of: ReplayReport }) {
  const { answers, disagreement, latency, lift } = of
  return (
    <div className={styles.report}>
      <Figures
        items={[
          {
            label: 'Same to the last bit',
            value: answers.identical ? 'all' : shortNumber(answers.equal),
            note: `of ${shortNumber(answers.rows)} rows`,
          },
          {
            label: 'Decided otherwise',
            value: percent(disagreement.share),
            note: `of things; ${percent(disagreement.lower)} to ${percent(disagreement.upper)}`,
          },
          {
            label: 'Lift on labels',
            value: lift ? signed(lift.lift) : '—',
            note: lift
              ? `${signed(lift.lower)} to ${signed(lift.upper)} on ${shortNumber(lift.things)} things`
              : 'too few labels',
          },
          {
            label: 'In the model, median',
            value: latency ? `${trimmed(latency.candidate.p50)} ms` : '—',
            note: latency
              ? `${trimmed(latency.logged.p50)} ms then; 99 %: ${trimmed(latency.candidate.p99)} and ${trimmed(latency.logged.p99)} ms`
              : 'not logged',
          },
        ]}
      />
      <Slices of={of} />
      {disagreement.rows > 0 && <Flips id={id} all={disagreement.rows} />}
    </div>
  )
}

function Slices({ of }: { readonly of: ReplayReport }) {
  const { all, alpha, margin } = of.slices
  if (all.length === 0) return null
  return (
    <DataTable
      caption="Slices"
      rows={all.slice(0, SLICES)}
      rowKey={({ column, value }) => `${column}=${value}`}
      columns={[
        {
          id: 'verdict',
          header: 'Verdict',
          width: 'fit',
          cell: ({ verdict }) => <StateChip tone={VERDICT[verdict].tone}>{VERDICT[verdict].word}</StateChip>,
        },
        {
          id: 'slice',
          header: 'Slice',
          cell: ({ column, value }) => `${column} = ${value === '' ? '(empty)' : (value ?? 'missing')}`,
        },
        { id: 'things', header: 'Things', align: 'right', cell: ({ things }) => shortNumber(things) },
        { id: 'share', header: 'Decided otherwise', align: 'right', cell: ({ share }) => percent(share) },
        {
          id: 'interval',
          header: 'Surely within',
          align: 'right',
          cell: ({ lower, upper }) => `${percent(lower)} to ${percent(upper)}`,
        },
        { id: 'elsewhere', header: 'Elsewhere', align: 'right', cell: ({ elsewhere }) => percent(elsewhere) },
        {
          id: 'loss',
          header: 'Loss',
          align: 'right',
          spare: true,
          cell: ({ loss }) =>
            loss ? `${signed(loss.increase)} (${signed(loss.lower)} to ${signed(loss.upper)})` : '—',
        },
      ]}
      footer={
        <p className={styles.note}>
          All intervals hold together with {percent(1 - alpha)}; apart is over {percent(margin)} more than elsewhere,
          worse is surely worse on labels.
          {all.length > SLICES && ` ${all.length - SLICES} more slices are in the report.`}
        </p>
      }
    />
  )
}

function Flips({ id, all }: { readonly id: string; readonly all: number }) {
  const flips = useQuery({
    queryKey: ['replay', id, 'flips'],
    queryFn: () => client.replays.flips({ params: { id }, query: { limit: FLIPS } }),
  })
  return (
    <Loaded query={flips} what="The decisions that would be others" lines={3}>
      {(data) => (
        <DataTable
          caption="Decisions that would be others"
          rows={data.flips}
          rowKey={({ rank }) => String(rank)}
          columns={[
            {
              id: 'prediction',
              header: 'Prediction',
              cell: ({ prediction, row }) => (
                <Link to="/predictions/$id" params={{ id: prediction }}>
                  {prediction.slice(-8)}
                  {row > 0 ? `, row ${row}` : ''}
                </Link>
              ),
            },
            { id: 'logged', header: 'Answered', align: 'right', cell: ({ logged }) => answerText(logged) },
            {
              id: 'candidate',
              header: 'Would be',
              align: 'right',
              cell: ({ candidate, problem }) => problem ?? answerText(candidate),
            },
            {
              id: 'difference',
              header: 'Apart',
              align: 'right',
              cell: ({ difference }) => (difference === null ? '—' : signed(difference)),
            },
            {
              id: 'label',
              header: 'Came true',
              align: 'right',
              cell: ({ label }) => (label === null ? '—' : answerText(label)),
            },
            {
              id: 'time',
              header: 'Event time',
              spare: true,
              width: 'fit',
              cell: ({ eventTime }) => instant(eventTime),
            },
          ]}
          footer={
            <p className={styles.note}>
              The worst {data.flips.length} of {shortNumber(all)}.
            </p>
          }
        />
      )}
    </Loaded>
  )
}

const percent = (share: number) => `${trimmed(share * 100)} %`
const signed = (value: number) => `${value > 0 ? '+' : ''}${trimmed(value)}`
