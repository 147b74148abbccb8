import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { Root } from './root.tsx'

// One route a page: its path, and the module that is loaded when it is first opened.
const root = createRootRoute({
  component: Root,
  notFoundComponent: lazyRouteComponent(() => import('./not-found.tsx'), 'NotFoundPage'),
})

/** The named search parameters that are texts; whatever else stands in the URL is passed over. */
function textFields<K extends string>(
  search: Record<string, unknown>,
  keys: readonly K[],
): { [P in K]?: string | undefined } {
  const fields: { [P in K]?: string | undefined } = {}
  for (const key of keys) {
    const value = search[key]
    if (typeof value === 'string') fields[key] = value
  }
  return fields
}

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: lazyRouteComponent(() => import('../home/page.tsx'), 'HomePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/data',
    component: lazyRouteComponent(() => import('../data/list.tsx'), 'DatasetsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/data/$dataset',
    component: lazyRouteComponent(() => import('../data/dataset.tsx'), 'DatasetPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/experiments',
    component: lazyRouteComponent(() => import('../experiments/list.tsx'), 'ExperimentsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/experiments/$experiment',
    validateSearch: (search: Record<string, unknown>) => textFields(search, ['filter', 'orderBy', 'cursor']),
    component: lazyRouteComponent(() => import('../experiments/experiment.tsx'), 'ExperimentPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs/$run',
    component: lazyRouteComponent(() => import('../experiments/run.tsx'), 'RunPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/pipelines',
    component: lazyRouteComponent(() => import('../pipelines/list.tsx'), 'PipelinesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/pipeline-runs/$run',
    validateSearch: (search: Record<string, unknown>) => textFields(search, ['step']),
    component: lazyRouteComponent(() => import('../pipelines/run.tsx'), 'PipelineRunPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/models',
    component: lazyRouteComponent(() => import('../models/list.tsx'), 'ModelsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/models/$model',
    component: lazyRouteComponent(() => import('../models/model.tsx'), 'ModelPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/models/$model/$version',
    component: lazyRouteComponent(() => import('../models/version.tsx'), 'VersionPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/endpoints',
    component: lazyRouteComponent(() => import('../endpoints/list.tsx'), 'EndpointsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/endpoints/$endpoint',
    validateSearch: (search: Record<string, unknown>) =>
      textFields(search, ['range', 'version', 'caller', 'entity', 'outcome', 'where', 'from', 'to', 'cursor']),
    component: lazyRouteComponent(() => import('../endpoints/endpoint.tsx'), 'EndpointPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/predictions/$id',
    component: lazyRouteComponent(() => import('../endpoints/prediction.tsx'), 'PredictionPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/rollouts/$rollout',
    component: lazyRouteComponent(() => import('../endpoints/rollout.tsx'), 'RolloutPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/monitoring',
    component: lazyRouteComponent(() => import('../monitoring/list.tsx'), 'MonitoringPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/monitoring/$endpoint',
    validateSearch: (search: Record<string, unknown>) => textFields(search, ['window']),
    component: lazyRouteComponent(() => import('../monitoring/endpoint.tsx'), 'EndpointHealthPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/governance',
    component: lazyRouteComponent(() => import('../governance/page.tsx'), 'GovernancePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/governance/why/$id',
    component: lazyRouteComponent(() => import('../governance/why.tsx'), 'WhyPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/settings',
    component: lazyRouteComponent(() => import('../identity/settings.tsx'), 'SettingsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/login',
    component: lazyRouteComponent(() => import('../identity/login.tsx'), 'LoginPage'),
  }),
]

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
