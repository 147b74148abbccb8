import { traffic as contract } from '@tidemark/contracts'
import type { PredictionFold } from '../platform/folds.ts'
import { type HttpServer, mount, type Platform } from '../platform/index.ts'
import { askGateway } from './ask.ts'
import { EndpointWithoutTraffic } from './errors.ts'
import { trafficFold } from './fold.ts'
import { trafficOf } from './service.ts'
import { deleteMinutesBefore } from './store.ts'
import type { TrafficPorts } from './types.ts'

const HOUR_MS = 3_600_000
const KEPT_DAYS = 15

/** Traffic: what an endpoint answered minute by minute, and a request by hand. */
export interface TrafficModule {
  readonly predictionFold: PredictionFold
  start(): void
  stop(): Promise<void>
  routes(app: HttpServer): void
}

export function createTraffic(platform: Platform, ports: TrafficPorts): TrafficModule {
  const { db, config, clock, log } = platform
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()
  const forget = () => {
    working = deleteMinutesBefore(db, new Date(clock.now().getTime() - KEPT_DAYS * 24 * HOUR_MS)).catch(
      (error: unknown) => log.warn({ err: error }, 'old minutes of traffic could not be deleted, again in an hour'),
    )
  }
  const check = async (workspace: string, endpoint: string) => {
    if (!(await ports.endpoint(db, workspace, endpoint))) throw EndpointWithoutTraffic(endpoint)
  }
  return {
    predictionFold: trafficFold(),
    start() {
      timer = setInterval(forget, HOUR_MS)
      timer.unref()
      forget()
    },
    async stop() {
      clearInterval(timer)
      await working
    },
    routes(app) {
      mount(app, contract.getTraffic, async ({ params, query }, { actor }) => {
        await check(actor.workspace, params.endpoint)
        const to = query.to === undefined ? clock.now() : new Date(query.to)
        return trafficOf(db, { workspace: actor.workspace, endpoint: params.endpoint }, query.range, to)
      })
      mount(app, contract.ask, async ({ params, body }, { actor }) => {
        actor.require('deployments.write', params.endpoint)
        await check(actor.workspace, params.endpoint)
        return askGateway(config, { workspace: actor.workspace, endpoint: params.endpoint, ...body })
      })
    },
  }
}
