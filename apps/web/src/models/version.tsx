import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Evaluation, GateVerdict, RegisteredVersion } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  bytes,
  CopyId,
  DataTable,
  Empty,
  Evidence,
  Loaded,
  Page,
  Pairs,
  Section,
  StateChip,
  type Tone,
} from '../ui/index.ts'

export function VersionPage() {
  const { model, version } = useParams({ from: '/models/$model/$version' })
  const found = useQuery({
    queryKey: ['version', model, version],
    queryFn: () => client.registry.getVersion({ params: { model, version } }),
  })
  return (
    <Loaded query={found} what={`${model}/${version}`}>
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
          state={data.aliases.map((alias) => (
            <StateChip key={alias} tone="accent">
              {alias}
            </StateChip>
          ))}
          sentence={data.description || `Registered from ${data.run ? `run ${data.run.name}` : data.source}.`}
          action={
            <Link to="/governance/why/$id" params={{ id: `${model}/${version}` }}>
              Why
            </Link>
          }
        >
          <Gates model={model} version={Number(version)} />
          <Origin version={data} />
          <Signature version={data} />
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
    </Loaded>
  )
}

const VERDICT: Readonly<Record<GateVerdict, { tone: Tone; word: string }>> = {
  passed: { tone: 'good', word: 'passed' },
  failed: { tone: 'harm', word: 'refused' },
  not_judged: { tone: 'unknown', word: 'not judged' },
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
          ['State', of.summary ?? of.problem ?? of.state],
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
      <DataTable
        caption="Gates"
        rows={of.gates.flatMap((gate) => [
          { ...gate, key: gate.name, name: gate.name.replace('_', ' '), part: '' },
          ...gate.parts.map((part) => ({ ...part, key: `${gate.name}/${part.name}`, part: part.name, name: '' })),
        ])}
        rowKey={(row) => row.key}
        columns={[
          { id: 'name', header: 'Gate', cell: (row) => <strong>{row.name}</strong> },
          { id: 'part', header: 'Part', cell: (row) => row.part },
          {
            id: 'verdict',
            header: 'Verdict',
            cell: (row) => <StateChip tone={VERDICT[row.verdict].tone}>{VERDICT[row.verdict].word}</StateChip>,
          },
          { id: 'sentence', header: 'Reason', cell: (row) => row.sentence },
          { id: 'numbers', header: 'Numbers', cell: (row) => <Evidence of={row.numbers} /> },
        ]}
      />
    </>
  )
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
          ['Data', origin.dataset ?? 'not recorded'],
          ['Commit', origin.gitCommit ? <CopyId key="c" id={origin.gitCommit} length={12} /> : 'not recorded'],
          ['Environment lock', origin.lock ? <CopyId key="l" id={origin.lock} length={12} /> : 'not recorded'],
          ['Source', version.source],
          ['Digest', version.digest ? <CopyId key="d" id={version.digest} length={12} /> : '—'],
        ]}
      />
    </Section>
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
