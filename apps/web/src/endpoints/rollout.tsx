import { Button, Modal, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Rollout, RolloutDecision } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import {
  Ago,
  Chart,
  DataTable,
  day,
  Empty,
  Figures,
  type Knot,
  Loaded,
  Page,
  Section,
  StateChip,
  Thread,
  type Tone,
  trimmed,
} from '../ui/index.ts'
import { guardrailName, guardrailSentence, rolloutSentence, stateOf } from './words.ts'

export function RolloutPage() {
  const { rollout: id } = useParams({ from: '/rollouts/$rollout' })
  const rollout = useQuery({
    queryKey: ['rollout', id],
    queryFn: () => client.deployments.getRollout({ params: { id } }),
  })
  return (
    <Loaded query={rollout} what="The rollout">
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
          action={
            isOpen(data) ? (
              <Actions rollout={data} />
            ) : (
              <Link to="/governance/why/$id" params={{ id: data.id }}>
                Why
              </Link>
            )
          }
        >
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
    </Loaded>
  )
}

function isOpen({ state }: Rollout): boolean {
  return state.kind === 'queued' || state.kind === 'shadow' || state.kind === 'canary'
}

function figures(rollout: Rollout) {
  const { weights, progress, harm } = rollout
  return [
    {
      label: 'Callers given to it',
      value: `${trimmed(weights.candidate)} %`,
      note: `version ${rollout.championVersion} has the rest`,
    },
    { label: 'Requests seen', value: progress.requests.toLocaleString('en') },
    {
      label: 'Predicted by both',
      value: progress.pairs.toLocaleString('en'),
      note: `${progress.labelledPairs} have a label`,
    },
    { label: 'Evidence of harm', value: trimmed(harm.combinedEValue), note: `rolls back at ${trimmed(harm.needs)}` },
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
    <Section title="Evidence" note={rollout.nextLook ?? undefined}>
      <DataTable
        caption="Guardrails"
        rows={rollout.guardrails}
        rowKey={(row) => row.name}
        columns={[
          { id: 'name', header: 'Guardrail', cell: (row) => guardrailName(row.name) },
          { id: 'units', header: 'Evidence', align: 'right', cell: (row) => row.units },
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
            cell: (row) => (
              <StateChip tone={row.proven ? 'good' : 'unknown'}>{row.proven ? 'proven' : 'not yet'}</StateChip>
            ),
          },
          { id: 'sentence', header: 'In words', cell: (row) => guardrailSentence(row) },
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
              { value: 0, label: 'no difference' },
              ...(margin === undefined ? [] : [{ value: margin, label: 'margin' }]),
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
}

function Decisions({ decisions }: { readonly decisions: readonly RolloutDecision[] }) {
  if (decisions.length === 0) return <Empty title="No decision yet">The first is made when evidence arrives.</Empty>
  const knots: Knot[] = decisions.map((decision) => ({
    key: decision.id,
    tone: TONES[decision.kind],
    head: (
      <>
        <strong>{decision.kind.replace('_', ' ')}</strong>
        {decision.eventTime && <span>event time {day(decision.eventTime)}</span>}
        <Ago at={decision.decidedAt} />
        <span>{decision.by.kind === 'system' ? `policy of ${decision.by.id}` : decision.by.id}</span>
      </>
    ),
    text: decision.nextLook ? `${decision.reason} Next: ${decision.nextLook}` : decision.reason,
    evidence: decision.evidence,
  }))
  return <Thread knots={knots} />
}

/** Promote or roll back by hand: always with a reason, which the audit keeps. */
function Actions({ rollout }: { readonly rollout: Rollout }) {
  const [asked, setAsked] = useState<'promote' | 'abort' | undefined>()
  const [reason, setReason] = useState('')
  const queries = useQueryClient()
  const act = useMutation({
    mutationFn: (verb: 'promote' | 'abort') => {
      const call = { params: { id: rollout.id }, body: { reason } }
      return verb === 'promote' ? client.deployments.promoteRollout(call) : client.deployments.abortRollout(call)
    },
    onSuccess: async () => {
      setAsked(undefined)
      await queries.invalidateQueries({ queryKey: ['rollout', rollout.id] })
    },
  })
  const verb =
    asked === 'abort' ? `Roll back to version ${rollout.championVersion}` : `Promote version ${rollout.version}`
  return (
    <div style={{ display: 'flex', gap: 8 }}>
      <Button variant="default" onClick={() => setAsked('abort')}>
        Roll back to {rollout.championVersion}
      </Button>
      <Button onClick={() => setAsked('promote')}>Promote {rollout.version}</Button>
      <Modal opened={asked !== undefined} onClose={() => setAsked(undefined)} title={verb}>
        <Textarea
          label="Reason"
          description="The audit trail keeps it."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
          minRows={3}
          required
        />
        {act.isError && <p role="alert">{act.error.message}</p>}
        <Button
          mt="md"
          disabled={reason.trim() === ''}
          loading={act.isPending}
          {...(asked === 'abort' ? { color: 'red' } : {})}
          onClick={() => asked && act.mutate(asked)}
        >
          {verb}
        </Button>
      </Modal>
    </div>
  )
}
