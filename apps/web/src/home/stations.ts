import type {
  Approval,
  Dataset,
  EndpointView,
  Experiment,
  HealthSummary,
  Pipeline,
  RolloutListItem,
} from '@tidemark/contracts'
import type { z } from 'zod'
import type { Tone } from '../ui/index.ts'

export interface Station {
  readonly name: string
  readonly to: string
  readonly figure: string
  readonly tone: Tone
  /** What a person should know; shown when the station is lit. */
  readonly sentence: string
}

interface Facts {
  readonly health: readonly z.infer<typeof HealthSummary>[] | undefined
  readonly endpoints: readonly EndpointView[] | undefined
  readonly datasets: readonly Dataset[] | undefined
  readonly pipelines: readonly Pipeline[] | undefined
  readonly experiments: readonly Experiment[] | undefined
  readonly approvals: readonly Approval[] | undefined
  readonly rollouts: readonly z.infer<typeof RolloutListItem>[] | undefined
}

const count = (value: number | undefined, one: string, many = `${one}s`) =>
  value === undefined ? '…' : `${value} ${value === 1 ? one : many}`

/** The loop's stations in order, each with its live count and whether it needs somebody. */
export function stationsOf(facts: Facts): readonly Station[] {
  const quarantined = facts.datasets?.reduce((sum, dataset) => sum + dataset.quarantinedRows, 0) ?? 0
  const failed = facts.pipelines?.filter((pipeline) => pipeline.lastRun?.state === 'failed') ?? []
  const running = facts.pipelines?.filter((pipeline) => pipeline.lastRun?.state === 'running').length ?? 0
  const runs = facts.experiments?.reduce((sum, experiment) => sum + experiment.runs, 0)
  const waiting = facts.approvals?.filter((approval) => approval.state === 'waiting') ?? []
  const broken = facts.endpoints?.filter((endpoint) => endpoint.state === 'broken') ?? []
  const open = facts.endpoints?.flatMap((endpoint) => (endpoint.rollout ? [endpoint.rollout] : [])) ?? []
  const harmed = facts.health?.filter((health) => health.state === 'harm') ?? []
  const watched = facts.health?.filter((health) => health.state === 'watch') ?? []
  return [
    {
      name: 'Data',
      to: '/data',
      figure: count(facts.datasets?.length, 'dataset'),
      tone: 'good',
      sentence: quarantined === 0 ? 'No row is quarantined.' : `${quarantined} rows are quarantined.`,
    },
    {
      name: 'Pipelines',
      to: '/pipelines',
      figure: running > 0 ? `${running} running` : count(facts.pipelines?.length, 'pipeline'),
      tone: failed.length > 0 ? 'harm' : running > 0 ? 'accent' : 'good',
      sentence:
        failed.length > 0
          ? `The last run of ${failed.map((pipeline) => pipeline.name).join(', ')} failed.`
          : 'No run failed last.',
    },
    {
      name: 'Runs',
      to: '/experiments',
      figure: count(runs, 'run'),
      tone: 'good',
      sentence: 'Tracked with their parameters, metrics, data and code.',
    },
    {
      name: 'Gates and approval',
      to: '/governance',
      figure: waiting.length > 0 ? `${waiting.length} waiting` : count(facts.approvals?.length, 'approval'),
      tone: waiting.length > 0 ? 'watch' : 'good',
      sentence:
        waiting.length > 0
          ? `${waiting.map(({ model, version }) => `${model}/${version}`).join(', ')} waits for approval.`
          : 'Nothing waits for approval.',
    },
    {
      name: 'Rollout',
      to: '/endpoints',
      figure: open.length > 0 ? `${open.length} under way` : count(facts.rollouts?.length, 'rollout'),
      tone: open.length > 0 ? 'accent' : 'good',
      sentence: open.length > 0 ? 'A candidate is on its way.' : 'No rollout is under way.',
    },
    {
      name: 'Serving',
      to: '/endpoints',
      figure: count(facts.endpoints?.length, 'endpoint'),
      tone: broken.length > 0 ? 'harm' : 'good',
      sentence:
        broken.length > 0 ? `${broken.map(({ name }) => name).join(', ')} cannot serve.` : 'All endpoints serve.',
    },
    {
      name: 'Monitoring',
      to: '/monitoring',
      figure:
        harmed.length + watched.length > 0
          ? `${harmed.length + watched.length} to look at`
          : count(facts.health?.length, 'endpoint watched', 'endpoints watched'),
      tone: harmed.length > 0 ? 'harm' : watched.length > 0 ? 'watch' : 'good',
      sentence:
        [...harmed, ...watched].map((health) => `${health.endpoint}: ${health.sentence}`).join(' ') ||
        'Nothing changed that matters.',
    },
  ]
}
