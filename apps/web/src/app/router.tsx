import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { Shell } from './shell.tsx'

// One route a page: its path, and the module that is loaded when it is first opened.
const root = createRootRoute({ component: Shell })

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: lazyRouteComponent(() => import('../home/page.tsx'), 'HomePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/endpoints',
    component: lazyRouteComponent(() => import('../endpoints/list.tsx'), 'EndpointsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/endpoints/$endpoint',
    component: lazyRouteComponent(() => import('../endpoints/endpoint.tsx'), 'EndpointPage'),
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
    validateSearch: (search: Record<string, unknown>): { window?: string } =>
      typeof search.window === 'string' ? { window: search.window } : {},
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
