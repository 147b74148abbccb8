import {
  IconChartLine,
  IconDatabase,
  IconFlask,
  IconHome,
  IconPackage,
  IconRoute,
  IconShieldCheck,
  IconTopologyStar3,
} from '@tabler/icons-react'

/** The rail: the life cycle's order, always the same. */
export const STATIONS = [
  { to: '/', label: 'Home', icon: IconHome },
  { to: '/data', label: 'Data', icon: IconDatabase },
  { to: '/experiments', label: 'Experiments', icon: IconFlask },
  { to: '/pipelines', label: 'Pipelines', icon: IconTopologyStar3 },
  { to: '/models', label: 'Models', icon: IconPackage },
  { to: '/endpoints', label: 'Endpoints', icon: IconRoute },
  { to: '/monitoring', label: 'Monitoring', icon: IconChartLine },
  { to: '/governance', label: 'Governance', icon: IconShieldCheck },
] as const

// Pages that belong to a station without standing below its path.
const ELSEWHERE: Readonly<Record<string, string>> = {
  runs: '/experiments',
  'pipeline-runs': '/pipelines',
  rollouts: '/endpoints',
  predictions: '/endpoints',
}

/** The station of the rail that a page belongs to. */
export function stationOf(path: string): string {
  const first = path.split('/')[1] ?? ''
  return ELSEWHERE[first] ?? `/${first}`
}
