import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Evaluation, Gate, GateVerdict, RegisteredVersion } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { WhyLink } from '../governance/why-link.tsx'
import {
  bytes,
  type Column,
  Columns,
  CopyId,
  DataTable,
  Empty,
  Evidence,
  Loaded,
  LoadedPage,
  Page,
  Pairs,
  Section,
  StateChip,
  sentence,
  Tag,
  type Tone,
  trimmed,
  words,
} from '../ui/index.ts'
import { Replays } from './replays.tsx'
import styles from './version.module.css'

export function VersionPage() {
  const { model, version } = useParams({ from: '/models/$model/$version' })
  const found = useQuery({
    queryKey: ['version', model, version],
    queryFn: () => client.registry.getVersion({ params: { model, version } }),
  })
  return (
    <LoadedPage query={found} what={`${model}/${version}`} crumbs={<Link to="/models">Models</Link>}>
      {(data) => (
        <Page
          title={`${model}/${version}`}
          crumbs={
            <>
              <Link to="/models">Models</Link> ·{' '}
              <Link to="/models/$model" params={{ model }}>
                {model}
              </Link>
            </>
          }
          state={data.aliases.map((alias) => <Tag key={alias}>{alias}</Tag>)}
          sentence={data.description || `Registered from ${data.run ? `run ${data.run.name}` : data.source}.`}
          action={<WhyLink id={`${model}/${version}`} />}
        >
          <Gates model={model} version={Number(version)} />
          <Replays model={model} version={Number(version)} />
          <Columns>
            <Origin version={data} />
            <Signature version={data} />
          </Columns>
          <Section title="Files" note="Frozen at registration.">
            <DataTable
              caption="Files"
              rows={data.files}
              rowKey={(row) => row.path}
              columns={[
                { id: 'path', header: 'File', cell: (row) => row.path },
                { id: 'bytes', header: 'Size', align: 'right', cell: (row) => bytes(row.bytes) },
                { id: 'digest', header: 'Digest', cell: (row) => <CopyId id={row.digest} /> },
              ]}
            />
          </Section>
        </Page>
      )}
    </LoadedPage>
  )
}

const VERDICT: Readonly<Record<GateVerdict, { tone: Tone; word: string }>> = {
  passed: { tone: 'good', word: 'passed' },
  failed: { tone: 'harm', word: 'refused' },
  not_judged: { tone: 'unknown', word: 'not judged' },
}

const OUTCOME: Readonly<Record<Evaluation['state'], { tone: Tone; word: string }>> = {
  converting: { tone: 'accent', word: 'being converted' },
  predicting: { tone: 'accent', word: 'predicting the holdout' },
  judging: { tone: 'accent', word: 'being judged' },
  passed: { tone: 'good', word: 'passed' },
  failed: { tone: 'harm', word: 'refused' },
  measured: { tone: 'plain', word: 'measured, not gated' },
  broken: { tone: 'harm', word: 'could not be evaluated' },
}

function Gates({ model, version }: { readonly model: string; readonly version: number }) {
  const evaluations = useQuery({
    queryKey: ['evaluations', model, version],
    queryFn: () => client.evaluation.listEvaluations({ query: { model, version, limit: 1 } }),
  })
  return (
    <Section title="Gates" note="What a version must show before it may be approved, each with its numbers.">
      <Loaded query={evaluations} what="The gates" lines={3}>
        {(data) => {
          const latest = data.evaluations[0]
          return latest ? (
            <Verdicts of={latest} />
          ) : (
            <Empty title="Not evaluated">Gates run when a retraining registers a candidate, or on request.</Empty>
          )
        }}
      </Loaded>
    </Section>
  )
}

function Verdicts({ of }: { readonly of: Evaluation }) {
  return (
    <>
      <Pairs
        items={[
          [
            'Outcome',
            <span key="outcome">
              <StateChip tone={OUTCOME[of.state].tone}>{OUTCOME[of.state].word}</StateChip>{' '}
              {of.summary || of.problem ? sentence(of.summary ?? of.problem ?? '') : ''}
            </span>,
          ],
          [
            'Compared with',
            of.champion === null ? 'the mean of the labels (no champion yet)' : `${of.model}/${of.champion}`,
          ],
          ['Runs as', of.runtime?.sentence ?? 'not decided yet'],
          [
            'Holdout',
            of.holdout
              ? `${of.holdout.rows} rows${of.holdout.from && of.holdout.to ? `, ${of.holdout.from.slice(0, 10)} to ${of.holdout.to.slice(0, 10)}` : ''}`
              : '—',
          ],
        ]}
      />
      <ul className={styles.gates}>
        {of.gates.map((gate) => (
          <li key={gate.name}>
            <div className={styles.gateHead}>
              <StateChip tone={VERDICT[gate.verdict].tone}>{VERDICT[gate.verdict].word}</StateChip>
              <strong>{GATE_NAMES[gate.name]}</strong>
            </div>
            <p>{sentence(gate.sentence)}</p>
            <Evidence of={gate.numbers} />
            {gate.parts.length > 0 && <Parts of={gate} />}
          </li>
        ))}
      </ul>
    </>
  )
}

/** A gate's finer grain: those that failed first, those not judged last. */
function Parts({ of }: { readonly of: Gate }) {
  const order: readonly GateVerdict[] = ['failed', 'passed', 'not_judged']
  const judged = of.parts.filter(({ verdict }) => verdict !== 'not_judged').length
  return (
    <details className={styles.parts} open={of.verdict === 'failed'}>
      <summary>
        {of.parts.length} {of.name === 'robustness' ? 'kinds' : 'slices'}, {judged} judged
      </summary>
      <DataTable
        caption={`Parts of ${GATE_NAMES[of.name]}`}
        rows={[...of.parts].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))}
        rowKey={(row) => row.name}
        columns={[
          {
            id: 'verdict',
            header: 'Verdict',
            width: 'fit',
            cell: (row) => <StateChip tone={VERDICT[row.verdict].tone}>{VERDICT[row.verdict].word}</StateChip>,
          },
          { id: 'sentence', header: 'In words', width: 'wide', cell: (row) => sentence(row.sentence) },
          ...numbersOf(of),
        ]}
      />
    </details>
  )
}

/** A column for each number that the parts have in common. */
function numbersOf(gate: Gate): Column<Gate['parts'][number]>[] {
  const names = [...new Set(gate.parts.flatMap(({ numbers }) => Object.keys(numbers)))]
  return names.slice(0, 5).map((name) => ({
    id: name,
    header: words(name),
    align: 'right',
    cell: ({ numbers }) => {
      const value = numbers[name]
      return typeof value === 'number' ? trimmed(value) : (value?.toString() ?? '—')
    },
  }))
}

const GATE_NAMES: Readonly<Record<Gate['name'], string>> = {
  beats_champion: 'Beats the champion',
  integrity: 'Saw nothing of the holdout',
  slices: 'Harms no slice',
  robustness: 'Stands disturbed inputs',
  replay: 'Answers logged requests within budget',
}

function Origin({ version }: { readonly version: RegisteredVersion }) {
  const { origin, run } = version
  return (
    <Section title="Where it came from">
      <Pairs
        items={[
          [
            'Run',
            run ? (
              <Link key="run" to="/runs/$run" params={{ run: run.id }}>
                {run.name}
              </Link>
            ) : (
              'none'
            ),
          ],
          ['Data', origin.dataset ? <DatasetRef key="data" of={origin.dataset} /> : 'not recorded'],
          ['Commit', origin.gitCommit ? <CopyId key="c" id={origin.gitCommit} length={12} /> : 'not recorded'],
          ['Environment lock', origin.lock ? <CopyId key="l" id={origin.lock} length={12} /> : 'not recorded'],
          ['Source', version.source],
          ['Digest', version.digest ? <CopyId key="d" id={version.digest} length={12} /> : '—'],
        ]}
      />
    </Section>
  )
}

/** `films/3` leads to the dataset. */
function DatasetRef({ of }: { readonly of: string }) {
  return (
    <Link to="/data/$dataset" params={{ dataset: of.split('/')[0] ?? of }}>
      {of}
    </Link>
  )
}

function Signature({ version }: { readonly version: RegisteredVersion }) {
  return (
    <Section title="Inputs">
      {version.signature === null ? (
        <Empty title="No signature">
          Log the model with a signature or an input example, so that requests can be checked against it.
        </Empty>
      ) : (
        <DataTable
          caption="Inputs"
          rows={version.signature}
          rowKey={(row) => row.name}
          columns={[
            { id: 'name', header: 'Column', cell: (row) => row.name },
            { id: 'type', header: 'Type', cell: (row) => row.type },
            { id: 'required', header: 'Required', cell: (row) => (row.required ? 'yes' : 'may be missing') },
          ]}
        />
      )}
    </Section>
  )
}
