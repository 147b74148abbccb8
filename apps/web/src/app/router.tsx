import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { Shell } from './shell.tsx'

const root = createRootRoute({ component: Shell })

/** One page: its path and the module that is loaded when it is first opened. */
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('../home/page.tsx'), 'HomePage'),
})
const governance = createRoute({
  getParentRoute: () => root,
  path: '/governance',
  component: lazyRouteComponent(() => import('../governance/page.tsx'), 'GovernancePage'),
})
const why = createRoute({
  getParentRoute: () => root,
  path: '/governance/why/$id',
  component: lazyRouteComponent(() => import('../governance/why.tsx'), 'WhyPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([home, governance, why]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
