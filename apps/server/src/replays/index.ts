import { replays as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import { type Replays, viewOf } from './service.ts'

export { Replays } from './service.ts'

/** The edge: parse, authorise, call the service, reply. */
export function replayRoutes(app: HttpServer, replays: Replays): void {
  mount(app, contract.start, async ({ params, body }, { actor }) =>
    viewOf(await replays.request(actor, params.endpoint, body)),
  )
  mount(app, contract.list, async ({ query }, { actor }) => ({
    replays: (await replays.list(actor.workspace, query)).map(viewOf),
  }))
  mount(app, contract.get, async ({ params }, { actor }) => viewOf(await replays.byId(actor.workspace, params.id)))
  mount(app, contract.flips, async ({ params, query }, { actor }) => ({
    flips: (await replays.flips(actor.workspace, params.id, query.limit)).map(({ eventTime, ...flip }) => ({
      ...flip,
      eventTime: eventTime.toISOString(),
    })),
  }))
  mount(app, contract.cancel, async ({ params }, { actor }) => viewOf(await replays.cancel(actor, params.id)))
}
