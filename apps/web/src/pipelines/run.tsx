import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { PipelineRun, StepRun } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { WhyLink } from '../governance/why-link.tsx'
import { Ago, Dag, DataTable, duration, Loaded, LoadedPage, Page, Pairs, Section, StateChip } from '../ui/index.ts'
import styles from './run.module.css'
import { stateTone } from './words.ts'

export function PipelineRunPage() {
  const { run: id } = useParams({ from: '/pipeline-runs/$run' })
  const run = useQuery({
    queryKey: ['pipeline-run', id],
    queryFn: () => client.pipelines.getRun({ params: { run: id } }),
  })
  return (
    <LoadedPage query={run} what="The run" crumbs={<Link to="/pipelines">Pipelines</Link>}>
      {(data) => (
        <Page
          title={`${data.pipeline}, run ${data.run.slice(0, 13)}`}
          crumbs={<Link to="/pipelines">Pipelines</Link>}
          state={<StateChip tone={stateTone(data.state)}>{data.state}</StateChip>}
          sentence={sentence(data)}
          action={<WhyLink id={data.run} />}
        >
          <Steps run={data} />
          <Section title="Ran with">
            <Pairs
              items={[
                [
                  'Parameters',
                  Object.entries(data.parameters)
                    .map(([name, value]) => `${name} = ${value}`)
                    .join(', ') || 'none',
                ],
                ['Data', data.datasets.map(({ dataset, version }) => `${dataset}/${version}`).join(', ') || 'none'],
                [
                  'Tracked as',
                  data.mlflowRun ? (
                    <Link
                      key="m"
                      to="/runs/$run"
                      params={{ run: data.mlflowRun }}
                    >{`run ${data.mlflowRun.slice(0, 8)}`}</Link>
                  ) : (
                    '—'
                  ),
                ],
                ['Started', <Ago key="s" at={data.startedAt} />],
              ]}
            />
          </Section>
        </Page>
      )}
    </LoadedPage>
  )
}

function sentence(run: PipelineRun): string {
  if (run.reason) return run.reason
  const done = run.steps.filter(({ state }) => state === 'succeeded' || state === 'cached').length
  const cached = run.steps.filter(({ state }) => state === 'cached').length
  if (run.state === 'succeeded')
    return `Made ${run.modelVersion ?? 'no model version'}; ${cached} of ${run.steps.length} steps came from the cache.`
  return `${done} of ${run.steps.length} steps are done.`
}

function Steps({ run }: { readonly run: PipelineRun }) {
  const version = useQuery({
    queryKey: ['pipeline-version', run.pipeline, run.version],
    queryFn: () => client.pipelines.getPipelineVersion({ params: { pipeline: run.pipeline, version: run.version } }),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const { step: picked } = useSearch({ from: '/pipeline-runs/$run' })
  const navigate = useNavigate()
  const pick = (step: string) =>
    void navigate({ to: '/pipeline-runs/$run', params: { run: run.run }, search: { step } })
  const definitions = version.data?.definition.steps ?? []
  return (
    <Section title="Steps" note="Pick a step to read its log.">
      {definitions.length > 0 && (
        <Dag
          caption="Steps of the pipeline and what they hand on"
          nodes={run.steps.map((step) => ({
            id: step.step,
            label: step.step,
            note: step.state,
            tone: stateTone(step.state),
          }))}
          edges={definitions.flatMap((step) =>
            [
              ...new Set([
                ...step.needs,
                ...Object.values(step.inputs).flatMap((input) => ('step' in input ? [input.step] : [])),
              ]),
            ].map((from) => ({ from, to: step.name })),
          )}
          onPick={pick}
        />
      )}
      <DataTable
        caption="Steps"
        rows={run.steps}
        rowKey={(row) => row.step}
        columns={[
          {
            id: 'step',
            header: 'Step',
            cell: (row) => (
              <Link to="/pipeline-runs/$run" params={{ run: run.run }} search={{ step: row.step }}>
                {row.step}
              </Link>
            ),
          },
          {
            id: 'state',
            header: 'State',
            cell: (row) => <StateChip tone={stateTone(row.state)}>{row.state}</StateChip>,
          },
          { id: 'attempt', header: 'Try', align: 'right', cell: (row) => row.attempt },
          { id: 'took', header: 'Took', align: 'right', cell: took },
          { id: 'cache', header: 'Cache', cell: (row) => row.cacheReason ?? '—' },
          { id: 'reason', header: 'Reason', cell: (row) => row.reason ?? '—' },
        ]}
      />
      {picked && <Log run={run.run} step={picked} state={run.steps.find(({ step }) => step === picked)} />}
    </Section>
  )
}

function took(step: StepRun): string {
  return step.startedAt && step.endedAt ? duration((Date.parse(step.endedAt) - Date.parse(step.startedAt)) / 1000) : '—'
}

function Log({
  run,
  step,
  state,
}: {
  readonly run: string
  readonly step: string
  readonly state: StepRun | undefined
}) {
  const open = state?.endedAt === null
  const log = useQuery({
    queryKey: ['pipeline-run', run, 'log', step],
    queryFn: () => client.pipelines.getStepLog({ params: { run, step }, query: {} }),
    refetchInterval: open ? 1000 : false,
  })
  return (
    <Loaded query={log} what={`The log of ${step}`} lines={3}>
      {(data) => (
        <pre className={styles.log} tabIndex={0}>
          {data.text || `${step} wrote nothing.`}
        </pre>
      )}
    </Loaded>
  )
}
