import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Rollout } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  Columns,
  DataTable,
  Figures,
  instant,
  LoadedPage,
  Page,
  Section,
  StateChip,
  sentence,
  trimmed,
} from '../ui/index.ts'
import styles from './rollout.module.css'
import { RolloutActions } from './rolloutActions.tsx'
import { Course } from './rolloutCourse.tsx'
import { Decisions } from './rolloutDecisions.tsx'
import { Disagreement } from './rolloutPairs.tsx'
import { Timeline } from './timeline.tsx'
import { guardrailName, guardrailSentence, isOpen, rolloutSentence, stateOf } from './words.ts'

/** One rollout: how far it came, what it waits for, its evidence over time, and what was decided and why. */
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
          state={
            <>
              <StateChip tone={stateOf(data.state).tone}>{stateOf(data.state).word}</StateChip>
              {data.paused && <StateChip tone="watch">paused</StateChip>}
              {!data.confirmed && <StateChip tone="accent">reaching the gateways</StateChip>}
            </>
          }
          sentence={rolloutSentence(data)}
          action={<RolloutActions rollout={data} />}
        >
          <Timeline rollout={data} />
          <Figures items={figures(data)} />
          {isOpen(data) && <Ahead rollout={data} />}
          <Course rollout={data} />
          <Guardrails rollout={data} />
          <Disagreement rollout={data} />
          <Decisions rollout={data} />
        </Page>
      )}
    </LoadedPage>
  )
}

function figures(rollout: Rollout) {
  const { weights, progress, guardrails, spending } = rollout
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
    {
      label: 'Requests seen',
      value: progress.requests.toLocaleString('en'),
      note: `${progress.exposedRequests.toLocaleString('en')} answered by it, for ${progress.exposedCallers.toLocaleString('en')} callers`,
    },
    {
      label: 'Predicted by both',
      value: progress.pairs.toLocaleString('en'),
      note: `${progress.labelledPairs.toLocaleString('en')} have a label`,
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
    {
      label: 'False alarm, at most',
      value: `${trimmed(100 * spending.alpha)} %`,
      note: spentBefore(spending),
    },
  ]
}

/** What it waits for, and what would change its mind. */
function Ahead({ rollout }: { readonly rollout: Rollout }) {
  return (
    <Columns>
      <Section title="What would change it">
        <ul className={styles.ahead}>
          {rollout.wouldChange.length === 0 ? (
            <li>Its first evidence.</li>
          ) : (
            rollout.wouldChange.map((each) => <li key={each}>{sentence(each)}</li>)
          )}
        </ul>
      </Section>
      <Section title="Next look">
        <div className={styles.ahead}>
          {rollout.paused
            ? `Paused: ${sentence(rollout.paused.reason)} Only proven harm changes anything.`
            : rollout.nextLook
              ? sentence(rollout.nextLook)
              : 'With the next evidence.'}
          {rollout.nextLookAt && <div>{`At the latest at ${instant(rollout.nextLookAt)} UTC, event time.`}</div>}
        </div>
      </Section>
    </Columns>
  )
}

function Guardrails({ rollout }: { readonly rollout: Rollout }) {
  if (rollout.guardrails.length === 0) return null
  return (
    <Section
      title="Guardrails"
      note={`All tests of this rollout share one false-alarm budget of ${trimmed(rollout.policy.alpha * 100)} %.`}
    >
      <DataTable
        caption="Guardrails"
        rows={rollout.guardrails}
        rowKey={(row) => `${row.name}:${row.version ?? ''}`}
        columns={[
          {
            id: 'name',
            header: 'Guardrail',
            cell: (row) => `${guardrailName(row.name)}${row.version === undefined ? '' : `, version ${row.version}`}`,
          },
          {
            id: 'units',
            header: 'Evidence',
            spare: true,
            align: 'right',
            cell: (row) => row.units.toLocaleString('en'),
          },
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
              <StateChip tone={row.harmEValue >= row.harmNeeds ? 'harm' : row.proven ? 'good' : 'unknown'}>
                {row.harmEValue >= row.harmNeeds ? 'harm proven' : row.proven ? 'proven' : 'not yet'}
              </StateChip>
            ),
          },
          { id: 'sentence', header: 'In words', width: 'wide', cell: (row) => guardrailSentence(row) },
        ]}
      />
    </Section>
  )
}

/** What the endpoint's rollouts of the year before may have cost, and what the year may cost where that is limited. */
function spentBefore({ rolloutsBefore, spentBefore: spent, alphaPerYear }: Rollout['spending']): string {
  const limit = alphaPerYear === null ? '' : `, of ${trimmed(100 * alphaPerYear)} % a year`
  if (rolloutsBefore === 0) return `no other rollout within a year${limit}`
  return `${rolloutsBefore} before it within a year had ${trimmed(100 * spent)} % together${limit}`
}
