import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { knotOf } from '../governance/events.tsx'
import { Command, Empty, type Knot, Loaded, Page, Section, StateChip, Thread } from '../ui/index.ts'
import { lastDecisions, type Told } from './decisions.ts'
import { Loop } from './loop.tsx'
import styles from './page.module.css'
import { stationsOf } from './stations.ts'

/** Is everything well? The loop with its stations, the one that needs a person lit, and what happened last. */
export function HomePage() {
  const [overview, endpoints, datasets, pipelines, experiments, approvals, rollouts] = useQueries({
    queries: [
      { queryKey: ['monitoring'], queryFn: () => client.monitoring.overview() },
      { queryKey: ['endpoints', 'list'], queryFn: () => client.deployments.listEndpoints() },
      { queryKey: ['data', 'list'], queryFn: () => client.data.listDatasets() },
      { queryKey: ['pipelines', 'list'], queryFn: () => client.pipelines.listPipelines() },
      { queryKey: ['experiments', 'list'], queryFn: () => client.experiments.listExperiments({ query: {} }) },
      { queryKey: ['approvals'], queryFn: () => client.governance.listApprovals({ query: {} }) },
      { queryKey: ['rollouts', 'all'], queryFn: () => client.deployments.listRollouts({ query: {} }) },
    ],
  })
  const stations = stationsOf({
    health: overview.data?.endpoints,
    endpoints: endpoints.data?.endpoints,
    datasets: datasets.data?.datasets,
    pipelines: pipelines.data?.pipelines,
    experiments: experiments.data?.experiments,
    approvals: approvals.data?.approvals,
    rollouts: rollouts.data?.rollouts,
  })
  const lit = stations.filter((station) => station.tone === 'harm' || station.tone === 'watch')
  const newcomer =
    endpoints.data?.endpoints.length === 0 &&
    datasets.data?.datasets.length === 0 &&
    experiments.data?.experiments.every((experiment) => experiment.runs === 0)
  return (
    <Page
      title="Home"
      state={
        !newcomer &&
        endpoints.data && (
          <StateChip tone={lit.some((s) => s.tone === 'harm') ? 'harm' : lit.length > 0 ? 'watch' : 'good'}>
            {lit.length === 0 ? 'all is well' : `${lit.length} to look at`}
          </StateChip>
        )
      }
      sentence={
        newcomer
          ? 'The platform is up and empty.'
          : lit.length === 0
            ? 'The loop runs by itself; nothing waits for a person.'
            : `${lit.map(({ name }) => name).join(' and ')} ${lit.length === 1 ? 'asks' : 'ask'} for you; the rest runs by itself.`
      }
    >
      {newcomer ? (
        <Welcome />
      ) : (
        <>
          <Loop stations={stations} />
          <LastDecisions />
        </>
      )}
    </Page>
  )
}

function LastDecisions() {
  const events = useQuery({
    queryKey: ['events', 'home'],
    queryFn: () => client.platform.listEvents({ query: { limit: 500 } }),
  })
  return (
    <Section title="What was decided last" action={<Link to="/governance">Whole audit trail</Link>}>
      <Loaded query={events} what="The decisions">
        {(data) => {
          const decisions = lastDecisions(data.events, 10)
          return decisions.length === 0 ? (
            <Empty title="Nothing was decided yet">
              Decisions of gates, rollouts and monitoring appear here, each with its reasons.
            </Empty>
          ) : (
            <Thread knots={decisions.map(knot)} />
          )
        }}
      </Loaded>
    </Section>
  )
}

function knot({ event, moreAlike }: Told): Knot {
  const { key, tone, head, text } = knotOf(event)
  return {
    key,
    tone,
    head,
    text: (
      <>
        <span className={styles.clamp}>{text}</span>
        {moreAlike > 0 && <span className={styles.alike}>and {moreAlike} more of this kind before it</span>}
      </>
    ),
  }
}

/** For a newcomer: two ways in, ready to copy. */
function Welcome() {
  const { origin } = window.location
  return (
    <>
      <Section title="Use it from your own code" note="An unmodified mlflow client works by changing one address.">
        <Command text={`export MLFLOW_TRACKING_URI=${origin}`} />
        <Command
          text={`import mlflow\nfrom sklearn.datasets import load_iris\nfrom sklearn.linear_model import LogisticRegression\n\nmlflow.set_tracking_uri("${origin}")\nmlflow.set_experiment("hello")\nmlflow.autolog()\nLogisticRegression(max_iter=200).fit(*load_iris(return_X_y=True))`}
        />
      </Section>
      <Section
        title="Or watch the whole loop"
        note="A film site's model goes round its life on real data: training, gates, serving, rollout, drift, retraining, promotion or rollback, each step explained."
      >
        <Command text="npm run demo" />
      </Section>
    </>
  )
}
