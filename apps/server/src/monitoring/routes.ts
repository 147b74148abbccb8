import { monitoring as contract } from '@tidemark/contracts'
import type { Platform } from '../platform/index.ts'
import { actorOf, type HttpServer, mount, parsePart, takeStreams } from '../platform/index.ts'
import { EndpointNotMonitored, LabelFileTypeUnknown } from './errors.ts'
import { resolveFault } from './faults/service.ts'
import { countQuarantined, faultOf, listFaults, listQuarantine } from './faults/store.ts'
import { windowDetail } from './health/detail.ts'
import { endpointHealth, stateOf } from './health/health.ts'
import { windowTotals } from './health/store.ts'
import { getLabel, putLabelFile, putLabels } from './labels/service.ts'
import type { LogLookup } from './log/lookup.ts'
import type { EndpointKey, MonitoringPorts } from './types.ts'
import { eventTimeOf, listWindows, summaryOf } from './windows/store.ts'

export function monitoringRoutes(app: HttpServer, platform: Platform, ports: MonitoringPorts, lookup: LogLookup): void {
  const { db } = platform
  /** The key of an endpoint that exists. */
  const keyOf = async (workspace: string, endpoint: string): Promise<EndpointKey> => {
    if (!(await ports.endpoint(db, workspace, endpoint))) throw EndpointNotMonitored(endpoint)
    return { workspace, endpoint }
  }

  mount(app, contract.overview, async (_input, { actor }) => {
    const endpoints = await ports.endpoints(db, actor.workspace)
    return {
      endpoints: await Promise.all(
        endpoints.map(async ({ name, model, championVersion }) => {
          const key = { workspace: actor.workspace, endpoint: name }
          const { windows, alarmed } = await windowTotals(db, key)
          const eventTime = (await eventTimeOf(db, key))?.toISOString() ?? null
          const state = await stateOf(db, ports, key, { model, championVersion })
          return { endpoint: name, ...state, eventTime, windows, alarmedWindows: alarmed }
        }),
      ),
    }
  })
  mount(app, contract.health, ({ params, query }, { actor }) =>
    endpointHealth(platform, ports, { workspace: actor.workspace, endpoint: params.endpoint }, query.windows),
  )
  mount(app, contract.listWindows, async ({ params, query }, { actor }) => {
    const rows = await listWindows(db, await keyOf(actor.workspace, params.endpoint), query.limit)
    return { windows: rows.map(summaryOf) }
  })
  mount(app, contract.getWindow, ({ params }, { actor }) =>
    windowDetail(db, { workspace: actor.workspace, endpoint: params.endpoint }, params.window),
  )
  mount(app, contract.putLabels, ({ params, body }, { actor }) =>
    putLabels(platform, ports, lookup, actor, params.endpoint, body.labels),
  )
  app.register(async (scope) => {
    takeStreams(scope)
    scope.post(
      '/api/v1/endpoints/:endpoint/labels/file',
      { config: { permission: 'monitoring.write' } },
      async (request) => {
        const { endpoint } = parsePart(contract.putLabels.params, request.params, 'path')
        const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
        const format = type === 'text/csv' ? 'csv' : type === 'application/x-ndjson' ? 'ndjson' : undefined
        if (!format) throw LabelFileTypeUnknown()
        // Destroyed when a line is refused, the rest of the body would stand before the next request of its connection.
        const body = request.raw.iterator({ destroyOnReturn: false })
        return putLabelFile(platform, ports, lookup, actorOf(request), endpoint, body, format)
      },
    )
  })
  mount(app, contract.getLabel, ({ params }, { actor }) => getLabel(platform, actor, params.endpoint, params.entity))
  mount(app, contract.listFaults, async ({ params }, { actor }) => {
    const faults = await listFaults(db, await keyOf(actor.workspace, params.endpoint))
    return { faults: faults.map(faultOf) }
  })
  mount(app, contract.resolveFault, async ({ params, body }, { actor }) => {
    const until = body.until === undefined ? null : new Date(body.until)
    return faultOf(await resolveFault(platform, actor, params.endpoint, params.fault, body.reason, until))
  })
  mount(app, contract.listQuarantine, async ({ params, query }, { actor }) => {
    const key = await keyOf(actor.workspace, params.endpoint)
    return {
      entities: await listQuarantine(db, key, query.after, query.limit),
      total: await countQuarantined(db, key),
    }
  })
}
