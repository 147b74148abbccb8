import { mkdirSync } from 'node:fs'
import { addressOf, type Names, serverNames } from '@tidemark/process'
import { z } from 'zod'
import { createBatch } from './batch/index.ts'
import { blobColumns } from './blobColumns.ts'
import { createData } from './data/index.ts'
import { Gateways } from './deployments/gateways/index.ts'
import { createEvaluationDatasets } from './evaluationDatasets/index.ts'
import { createExperiments } from './experiments/index.ts'
import { createIdentity, createRunTokens } from './identity/index.ts'
import { createImports } from './imports/index.ts'
import { createLoop, modelInput } from './loop.ts'
import { migrations } from './migrations.ts'
import { createPipelines } from './pipelines/index.ts'
import { systemActor } from './platform/actor.ts'
import { createBlobSweep } from './platform/blobSweep.ts'
import { findEvent } from './platform/events.ts'
import { createHttp, type HttpServer } from './platform/http.ts'
import { migrate } from './platform/migrations.ts'
import type { Platform } from './platform/platform.ts'
import { resetRoute } from './platform/resetRoute.ts'
import { platformRoutes } from './platform/routes.ts'
import { webRoutes } from './platform/web.ts'
import { wireReactions } from './reactions.ts'
import { createRegistry } from './registry/index.ts'
import { createRetention } from './retention/index.ts'
import { createWebhooks } from './webhooks/index.ts'

export interface RunningServer {
  readonly url: string
  readonly port: number
  readonly app: HttpServer
  /** What a platform with login tells its owner at its first start, and nobody else: null once somebody can manage it. */
  readonly adminToken: string | null
  stop(): Promise<void>
}

/** Puts the modules together over a platform and starts to listen. The composition root: the only place that joins modules. */
export async function startServer(
  platform: Platform,
  tellAdminToken: (token: string) => void = () => {},
): Promise<RunningServer> {
  const { config, db, jobs, events, live, log } = platform
  mkdirSync(config.dataDir, { recursive: true })
  // The queue's tables and ours do not know of each other.
  await Promise.all([jobs.migrate(), migrate(db, migrations)])
  await platform.blobs.clearTemporary()

  const data = createData(platform)
  const gateways = new Gateways(platform)
  const runTokens = createRunTokens(config.internalToken, platform.clock)
  const experiments = createExperiments(platform, {
    versionsOfRun: (on, workspace, run) => registry.versionsOfRun(on, workspace, run),
  })
  const registry = createRegistry(platform, experiments)
  const identity = createIdentity(platform, runTokens, {
    open: experiments.openWorkspace,
    close: experiments.closeWorkspace,
  })
  if (config.login) gateways.guard(identity.asking)
  const imports = createImports(platform, { experiments, registry })
  const listening = Promise.withResolvers<string>()
  const pipelines = createPipelines(platform, {
    datasets: data.service,
    tracking: experiments,
    issueRunToken: runTokens.issue,
    serverUrl: listening.promise,
  })
  const webhooks = createWebhooks(platform)
  const evaluationDatasets = createEvaluationDatasets(platform, experiments)
  const loop = createLoop(platform, { gateways, experiments, registry, pipelines: pipelines.service })

  const batch = createBatch(platform, data.service, {
    input: modelInput(registry),
    aliasVersion: registry.aliasVersion,
    runtime: (...question) => loop.evaluation.runtime(...question),
  })

  wireReactions(events, { ...loop, registry, pipelines: pipelines.service, webhooks })
  jobs.register(
    'reaction',
    z.object({ event: z.uuid(), type: z.string(), reaction: z.string(), workspace: z.string() }),
    async (payload) => {
      const event = await findEvent(db, payload.workspace, payload.event)
      const reaction = events.reaction(payload.type, payload.reaction)
      if (!event || !reaction)
        throw new Error(`Reaction ${payload.reaction} to event ${payload.event} is not known to this release.`)
      const part = payload.reaction.split('.')[0] ?? payload.reaction
      await reaction.run(event, systemActor(part, event.workspace).because([event.id], event.correlation))
    },
  )

  let names: Names = { hosts: new Set(), named: new Set() }
  const app = createHttp({ log, metrics: platform.metrics, names: () => names, door: identity.door })
  if (config.devReset) resetRoute(app, platform)
  const busy = {
    pipelineRuns: async () =>
      (await pipelines.service.openRuns()) + (await loop.openWork()) + (await batch.unfinished()),
    unreadLogBytes: () => loop.monitoring.unreadBytes(),
  }
  const { sweepBlobs } = createBlobSweep(platform, blobColumns)
  platformRoutes(app, platform, busy, { sweepBlobs })
  const retention = createRetention(platform, {
    experiments: experiments.deletion,
    registry: registry.deletion,
    served: (on, workspace) => loop.deployments.versionsInUse(on, workspace),
    sweepBlobs,
  })

  identity.routes(app)
  data.routes(app)
  pipelines.routes(app)
  experiments.routes(app)
  registry.routes(app)
  webhooks.routes(app)
  retention.routes(app)
  experiments.mlflow(app, (scope) => {
    registry.mlflow(scope)
    webhooks.mlflow(scope)
    identity.mlflow(scope)
    evaluationDatasets.mlflow(scope)
  })
  imports.routes(app)
  gateways.routes(app)
  loop.routes(app)
  batch.routes(app)

  await webRoutes(app)

  await jobs.start(config.jobConcurrency)
  await live.start()
  // Before it listens: who waits for an answer must have heard of the token by then.
  const adminToken = config.login ? await identity.firstAdminToken() : null
  if (adminToken !== null) tellAdminToken(adminToken)
  await app.listen({ host: config.host, port: config.port })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  names = serverNames(config.host, port, config.allowedHosts)
  const url = addressOf(config.host, port)
  listening.resolve(url)
  await pipelines.resume()
  await loop.start()
  batch.start()
  retention.start()
  return {
    url,
    port,
    app,
    adminToken,
    stop: async () => {
      gateways.stop()
      await app.close()
      await pipelines.stop()
      await batch.stop()
      await retention.stop()
      await jobs.stop()
      await webhooks.stop()
      await loop.stop()
      await data.stop()
      await experiments.stop()
      await platform.python.close()
      await live.stop()
      await platform.database.close()
    },
  }
}
