import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Rollout, RolloutDecision } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Who } from '../governance/who.tsx'
import { WhyLink } from '../governance/why-link.tsx'
import {
  Ago,
  Chart,
  DataTable,
  day,
  Empty,
  Figures,
  type Knot,
  LoadedPage,
  Page,
  ReasonButton,
  Section,
  StateChip,
  sentence,
  Thread,
  type Tone,
  trimmed,
} from '../ui/index.ts'
import styles from './rollout.module.css'
import { Timeline } from './timeline.tsx'
import { guardrailName, guardrailSentence, rolloutSentence, stateOf } from './words.ts'

export function RolloutPage() {
  const { rollout: id } = useParams({ from: '/rollouts/$rollout' })
  const rollout = useQuery({
    queryKey: ['rollout', id],
    queryFn: () => client.deployments.getRollout({ params: { id } }),
  })
  return (
    <LoadedPage query={rollout} what="The rollout" crumbs={<Link to="/endpoints">Endpoints</Link>}>
      {(data) => (
        <Page
          title={`${data.model}/${data.version} to ${data.endpoint}`}
          crumbs={
            <>
              <Link to="/endpoints">Endpoints</Link> ·{' '}
              <Link to="/endpoints/$endpoint" params={{ endpoint: data.endpoint }}>
                {data.endpoint}
              </Link>
            </>
          }
          state={<StateChip tone={stateOf(data.state).tone}>{stateOf(data.state).word}</StateChip>}
          sentence={rolloutSentence(data)}
          action={isOpen(data) ? <Actions rollout={data} /> : <WhyLink id={data.id} />}
        >
          <Timeline rollout={data} />
          <Figures items={figures(data)} />
          <Evidence rollout={data} />
          <Section
            title="Decisions"
            note="Each was made by a rule from the evidence of its moment; the same evidence gives the same decision again."
          >
            <Decisions decisions={data.decisions} />
          </Section>
        </Page>
      )}
    </LoadedPage>
  )
}

function isOpen({ state }: Rollout): boolean {
  return state.kind === 'queued' || state.kind === 'shadow' || state.kind === 'canary' || state.kind === 'ab'
}

function figures(rollout: Rollout) {
  const { weights, progress, guardrails } = rollout
  const accuser = guardrails.toSorted((a, b) => b.harmEValue / b.harmNeeds - a.harmEValue / a.harmNeeds)[0]
  return [
    {
      label: 'Callers given to it',
      value: `${trimmed(weights.candidate)} %`,
      note:
        weights.candidate === 100
          ? `version ${rollout.championVersion} serves nobody any more`
          : `version ${rollout.championVersion} has the rest`,
    },
    { label: 'Requests seen', value: progress.requests.toLocaleString('en') },
    {
      label: 'Predicted by both',
      value: progress.pairs.toLocaleString('en'),
      note: `${progress.labelledPairs} have a label`,
    },
    ...(accuser
      ? [
          {
            label: 'Evidence of harm',
            value: trimmed(accuser.harmEValue),
            note: `by ${guardrailName(accuser.name).toLowerCase()}; rolls back at ${trimmed(accuser.harmNeeds)}`,
          },
        ]
      : []),
  ]
}

function Evidence({ rollout }: { readonly rollout: Rollout }) {
  const drawn = (['loss', 'failures', 'errors'] as const)
    .map((name) => ({
      name,
      points: rollout.points.filter((point) => point.guardrail === name && point.difference !== null),
    }))
    .filter(({ points }) => points.length > 1)
  return (
    <Section title="Evidence" note={rollout.nextLook ? `Next look ${rollout.nextLook}.` : undefined}>
      <DataTable
        caption="Guardrails"
        rows={rollout.guardrails}
        rowKey={(row) => row.name}
        columns={[
          { id: 'name', header: 'Guardrail', cell: (row) => guardrailName(row.name) },
          { id: 'units', header: 'Evidence', spare: true, align: 'right', cell: (row) => row.units },
          {
            id: 'champion',
            header: 'Champion',
            align: 'right',
            cell: (row) => (row.champion === null ? '—' : trimmed(row.champion)),
          },
          {
            id: 'candidate',
            header: 'Candidate',
            align: 'right',
            cell: (row) => (row.candidate === null ? '—' : trimmed(row.candidate)),
          },
          {
            id: 'state',
            header: 'Safe',
            width: 'fit',
            cell: (row) => (
              <StateChip tone={row.proven ? 'good' : 'unknown'}>{row.proven ? 'proven' : 'not yet'}</StateChip>
            ),
          },
          { id: 'sentence', header: 'In words', width: 'wide', cell: (row) => guardrailSentence(row) },
        ]}
      />
      {drawn.map(({ name, points }) => {
        const margin = rollout.guardrails.find((guardrail) => guardrail.name === name)?.margin
        return (
          <Chart
            key={name}
            caption={`${guardrailName(name)}: candidate minus champion, with bounds that hold at every look`}
            time
            x={points.map((point) => Date.parse(point.at))}
            xLabel="Event time"
            yLabel="Difference"
            series={[
              {
                label: 'Candidate − champion',
                color: 'candidate',
                values: points.map((point) => point.difference),
                band: { lower: points.map((point) => point.lower), upper: points.map((point) => point.upper) },
              },
            ]}
            thresholds={[
              { value: 0, label: 'no difference', plain: true },
              ...(margin === undefined ? [] : [{ value: margin, label: `margin ${trimmed(margin)}` }]),
            ]}
          />
        )
      })}
    </Section>
  )
}

const TONES: Readonly<Record<RolloutDecision['kind'], Tone>> = {
  hold: 'unknown',
  shift: 'accent',
  promote: 'good',
  roll_back: 'harm',
  pause: 'watch',
  resume: 'accent',
  finish: 'good',
}

const KINDS: Readonly<Record<RolloutDecision['kind'], string>> = {
  hold: 'Hold',
  shift: 'Next step',
  promote: 'Promote',
  roll_back: 'Roll back',
  pause: 'Pause',
  resume: 'Resume',
  finish: 'Finish',
}

function Decisions({ decisions }: { readonly decisions: readonly RolloutDecision[] }) {
  if (decisions.length === 0) return <Empty title="No decision yet">The first is made when evidence arrives.</Empty>
  const knots: Knot[] = decisions.map((decision) => ({
    key: decision.id,
    tone: TONES[decision.kind],
    head: (
      <>
        <strong>{KINDS[decision.kind]}</strong>
        {decision.eventTime && <span>event time {day(decision.eventTime)}</span>}
        <Ago at={decision.decidedAt} />
        <span>
          <Who actor={decision.by} />
        </span>
      </>
    ),
    text: decision.nextLook
      ? `${sentence(decision.reason)} Next look ${decision.nextLook}.`
      : sentence(decision.reason),
    evidence: decision.evidence,
  }))
  return <Thread knots={knots} />
}

/** Promote or roll back by hand: always with a reason, which the audit keeps. */
function Actions({ rollout }: { readonly rollout: Rollout }) {
  const queries = useQueryClient()
  const act = (verb: 'promoteRollout' | 'abortRollout') => async (reason: string) => {
    await client.deployments[verb]({ params: { id: rollout.id }, body: { reason } })
    await queries.invalidateQueries({ queryKey: ['rollout', rollout.id] })
  }
  return (
    <div className={styles.actions}>
      <WhyLink id={rollout.id} />
      <ReasonButton
        label={`Roll back to ${rollout.championVersion}`}
        verb={`Roll back to version ${rollout.championVersion}`}
        tone="danger"
        act={act('abortRollout')}
      />
      <ReasonButton
        label={`Promote ${rollout.version}`}
        verb={`Promote version ${rollout.version}`}
        tone="main"
        act={act('promoteRollout')}
      />
    </div>
  )
}
