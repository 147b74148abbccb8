import {
  IconChartLine,
  IconDatabase,
  IconFlask,
  type IconHome,
  IconRoute,
  IconShieldCheck,
  IconStairsUp,
  IconTopologyStar3,
} from '@tabler/icons-react'
import type {
  Approval,
  Dataset,
  EndpointView,
  Experiment,
  HealthSummary,
  Pipeline,
  RolloutListItem,
} from '@tidemark/contracts'
import { stateOf } from '../endpoints/words.ts'
import { type Tone, timeAgo } from '../ui/index.ts'

export interface Station {
  readonly name: string
  readonly to: '/data' | '/pipelines' | '/experiments' | '/governance' | '/endpoints' | '/monitoring'
  readonly icon: typeof IconHome
  readonly figure: string
  readonly tone: Tone
  /** What a person should know. */
  readonly sentence: string
}

interface Facts {
  readonly health: readonly HealthSummary[] | undefined
  readonly endpoints: readonly EndpointView[] | undefined
  readonly datasets: readonly Dataset[] | undefined
  readonly pipelines: readonly Pipeline[] | undefined
  readonly experiments: readonly Experiment[] | undefined
  readonly approvals: readonly Approval[] | undefined
  readonly rollouts: readonly RolloutListItem[] | undefined
}

type Look = Pick<Station, 'figure' | 'tone' | 'sentence'>

/** The loop's stations in order, each with its live count and whether it needs somebody. */
export function stationsOf(facts: Facts): readonly Station[] {
  return [
    { name: 'Data', to: '/data', icon: IconDatabase, ...data(facts) },
    { name: 'Pipelines', to: '/pipelines', icon: IconTopologyStar3, ...pipelines(facts) },
    { name: 'Runs', to: '/experiments', icon: IconFlask, ...runs(facts) },
    { name: 'Gates', to: '/governance', icon: IconShieldCheck, ...gates(facts) },
    { name: 'Rollout', to: '/endpoints', icon: IconStairsUp, ...rollout(facts) },
    { name: 'Serving', to: '/endpoints', icon: IconRoute, ...serving(facts) },
    { name: 'Monitoring', to: '/monitoring', icon: IconChartLine, ...watching(facts) },
  ]
}

const LOADING: Look = { figure: '…', tone: 'plain', sentence: '' }

function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en')} ${value === 1 ? one : many}`
}

function data({ datasets }: Facts): Look {
  if (!datasets) return LOADING
  if (datasets.length === 0) return { figure: 'none yet', tone: 'plain', sentence: 'No dataset is declared.' }
  const quarantined = datasets.reduce((sum, dataset) => sum + dataset.quarantinedRows, 0)
  const [first] = datasets
  const rows = datasets.reduce((sum, dataset) => sum + (dataset.latest?.rows ?? 0), 0)
  const where = datasets.length === 1 && first?.latest ? `${first.name}, version ${first.latest.version}` : ''
  const kept = quarantined === 0 ? 'no row in quarantine' : `${quarantined} in quarantine`
  return { figure: count(rows, 'row'), tone: 'good', sentence: [where, kept].filter(Boolean).join('; ') }
}

function pipelines({ pipelines: all }: Facts): Look {
  if (!all) return LOADING
  if (all.length === 0) return { figure: 'none yet', tone: 'plain', sentence: 'No pipeline is registered.' }
  const running = all.filter(({ lastRun }) => lastRun?.state === 'running')
  const failed = all.filter(({ lastRun }) => lastRun?.state === 'failed')
  const names = (some: typeof all) => some.map(({ name }) => name).join(', ')
  if (failed.length > 0)
    return {
      figure: `${failed.length} failed`,
      tone: 'harm',
      sentence: `The last run of ${names(failed)} failed.`,
    }
  if (running.length > 0)
    return { figure: `${running.length} running`, tone: 'accent', sentence: `${names(running)} is training.` }
  const last = all.flatMap(({ lastRun }) => (lastRun?.endedAt ? [lastRun.endedAt] : [])).sort()
  const latest = last.at(-1)
  return {
    figure: count(
      all.reduce((sum, pipeline) => sum + pipeline.runs, 0),
      'run',
    ),
    tone: 'good',
    sentence: latest ? `${names(all)}: the last one succeeded ${timeAgo(new Date(latest))}` : 'Not run yet.',
  }
}

function runs({ experiments }: Facts): Look {
  if (!experiments) return LOADING
  const all = experiments.reduce((sum, experiment) => sum + experiment.runs, 0)
  if (all === 0) return { figure: 'none yet', tone: 'plain', sentence: 'No run is logged.' }
  return {
    figure: count(all, 'tracked run'),
    tone: 'good',
    sentence: `in ${count(experiments.filter((experiment) => experiment.runs > 0).length, 'experiment')}`,
  }
}

function gates({ approvals }: Facts): Look {
  if (!approvals) return LOADING
  const waiting = approvals.filter(({ state }) => state === 'waiting')
  if (waiting.length > 0)
    return {
      figure: `${waiting.length} waiting`,
      tone: 'watch',
      sentence: `${waiting.map(({ model, version }) => `${model}/${version}`).join(', ')} passed its gates and waits for your approval.`,
    }
  if (approvals.length === 0) return { figure: 'none yet', tone: 'plain', sentence: 'No version asked for approval.' }
  return {
    figure: count(approvals.filter(({ state }) => state === 'approved').length, 'approved', 'approved'),
    tone: 'good',
    sentence: 'Nothing waits for approval.',
  }
}

function rollout({ endpoints, rollouts }: Facts): Look {
  if (!endpoints || !rollouts) return LOADING
  const open = endpoints.flatMap((endpoint) => (endpoint.rollout ? [endpoint.rollout] : []))
  if (open.length > 0)
    return {
      figure: open.length === 1 && open[0] ? stateOf(open[0].state).word : `${open.length} under way`,
      tone: 'accent',
      sentence: open.map(({ model, version, endpoint }) => `${model}/${version} on ${endpoint}`).join(', '),
    }
  const [last] = rollouts
  if (!last) return { figure: 'none yet', tone: 'plain', sentence: 'No version was rolled out.' }
  return {
    figure: count(rollouts.length, 'rollout'),
    tone: 'good',
    sentence: `Last: ${last.model}/${last.version}, ${stateOf(last.state).word}`,
  }
}

function serving({ endpoints }: Facts): Look {
  if (!endpoints) return LOADING
  if (endpoints.length === 0) return { figure: 'none yet', tone: 'plain', sentence: 'No endpoint is declared.' }
  const broken = endpoints.filter(({ state }) => state === 'broken')
  if (broken.length > 0)
    return {
      figure: `${broken.length} broken`,
      tone: 'harm',
      sentence: `${broken.map(({ name }) => name).join(', ')} cannot serve.`,
    }
  return {
    figure: count(endpoints.length, 'endpoint'),
    tone: 'good',
    sentence: endpoints.map(({ name, champion }) => `${name} by ${champion}`).join(', '),
  }
}

function watching({ health }: Facts): Look {
  if (!health) return LOADING
  if (health.length === 0) return { figure: 'none yet', tone: 'plain', sentence: 'Nothing to watch.' }
  const harmed = health.filter(({ state }) => state === 'harm')
  const watched = health.filter(({ state }) => state === 'watch')
  const shown = [...harmed, ...watched]
  if (shown.length > 0)
    return {
      figure: `${shown.length} to look at`,
      tone: harmed.length > 0 ? 'harm' : 'watch',
      sentence: shown.map(({ endpoint, sentence }) => `${endpoint}: ${sentence}`).join(' '),
    }
  return {
    figure: count(health.length, 'watched', 'watched'),
    tone: 'good',
    sentence: health.every(({ state }) => state === 'unknown')
      ? 'Too little seen to judge.'
      : 'Nothing changed that matters.',
  }
}
