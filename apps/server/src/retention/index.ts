import { retention as contract } from '@tidemark/contracts'
import { type HttpServer, mount, type Platform } from '../platform/index.ts'
import { createService, type RetentionPorts } from './service.ts'

const HOUR_MS = 3_600_000

/** Retention: what is deleted goes for good by hand, by age, or daily by a policy. */
export function createRetention(platform: Platform, ports: RetentionPorts) {
  const service = createService(platform, ports)
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> = Promise.resolve()

  function work(): void {
    working = working
      .then(() => (stopping.signal.aborted ? undefined : service.runDue(stopping.signal)))
      .catch((error: unknown) => platform.log.error({ err: error }, 'retention failed, it is tried again in an hour'))
  }

  return {
    /** Mounts the own API. */
    routes(app: HttpServer): void {
      mount(app, contract.purge, ({ body }, { actor }) => {
        const experiment = body.experiment === undefined ? null : Number(body.experiment)
        return service.purge(actor, { olderThanDays: body.olderThanDays, dryRun: body.dryRun, experiment })
      })
      mount(app, contract.getPolicy, (_input, { actor }) => service.getPolicy(actor))
      mount(app, contract.setPolicy, ({ body }, { actor }) => service.setPolicy(actor, body.olderThanDays))
      mount(app, contract.deleteRun, ({ params }, { actor }) => service.deleteRun(actor, params.run))
      mount(app, contract.deleteExperiment, ({ params }, { actor }) =>
        service.deleteExperiment(actor, Number(params.experiment)),
      )
    },

    /** Looks every hour whether a policy's day is over; the first time at once. */
    start(): void {
      timer = setInterval(work, HOUR_MS)
      timer.unref()
      work()
    },

    /** Lets the step in hand end. */
    async stop(): Promise<void> {
      clearInterval(timer)
      stopping.abort()
      await working
    },
  }
}
