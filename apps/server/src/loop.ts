import { createAutomation } from './automation/index.ts'
import type { Gateways } from './deployments/gateways/index.ts'
import { Deployments, type Endpoint } from './deployments/index.ts'
import { Evaluations } from './evaluation/index.ts'
import { type Experiments, originOf } from './experiments/index.ts'
import { Governance } from './governance/index.ts'
import { createMonitoring, type MonitoredEndpoint, type Monitoring } from './monitoring/index.ts'
import type { Pipelines } from './pipelines/index.ts'
import type { HttpServer, Platform } from './platform/index.ts'
import type { RegistryModule } from './registry/index.ts'
import { Replays, replayRoutes } from './replays/index.ts'
import { createTraffic } from './traffic/index.ts'

/** The modules that the loop's other half is made of. */
export interface LoopBase {
  readonly gateways: Gateways
  readonly experiments: Experiments
  readonly registry: RegistryModule
  readonly pipelines: Pipelines
}

/** Joins evaluation, governance, deployments, monitoring and automation: part of the composition root. */
export function createLoop(platform: Platform, { gateways, experiments, registry, pipelines }: LoopBase) {
  const deployments: Deployments = new Deployments(platform, gateways, {
    registry,
    evaluation: {
      runtime: (...question) => evaluation.runtime(...question),
      comparison: (...question) => evaluation.comparison(...question),
    },
  })
  const evaluation: Evaluations = new Evaluations(platform, {
    registry,
    deployments,
    pipelines: {
      output: (...question) => pipelines.output(...question),
      runOfVersion: (...question) => pipelines.runOfVersion(...question),
      latestRun: async (...question) => (await pipelines.latestRun(...question))?.run ?? null,
    },
    predictions: { find: (_db, workspace, id) => monitoring.predictions.find(workspace, id) },
    replays: { forGate: (...question) => replays.forGate(...question) },
  })
  gateways.onMismatch((mismatch) => evaluation.runtimeMismatch(mismatch))
  const traffic = createTraffic(platform, {
    endpoint: async (db, workspace, name) => (await deployments.endpoint(db, workspace, name)) !== null,
  })
  const monitoring: Monitoring = createMonitoring(platform, {
    endpoint: async (db, workspace, name) => monitored(await deployments.endpoint(db, workspace, name)),
    endpoints: async (db, workspace) =>
      (await deployments.endpointList(db, workspace)).flatMap((endpoint) => monitored(endpoint) ?? []),
    referenceFiles: async (db, workspace, model, version) => {
      const run = await pipelines.runOfVersion(db, workspace, model, version)
      const training = run && (await pipelines.output(db, workspace, run, 'reference'))
      const holdout = run && (await pipelines.output(db, workspace, run, 'holdout'))
      if (!training) return null
      return {
        training: platform.blobs.path(training.digest),
        holdout: holdout ? platform.blobs.path(holdout.digest) : null,
      }
    },
    holdout: (...question) => evaluation.holdoutLosses(...question),
    runtimeSwitch: (...question) => evaluation.runtimeSwitch(...question),
    predictionFolds: [deployments.predictionFold, traffic.predictionFold],
    labelFolds: [deployments.labelFold],
    eraseStored: [deployments.erase, evaluation.erase, (...question) => replays.erase(...question)],
    logKey: () => gateways.logKey(),
    endSegments: (tx) => gateways.endSegments(tx),
  })
  const replays: Replays = new Replays(platform, {
    endpoint: (...question) => deployments.endpoint(...question),
    input: modelInput(registry),
    runtime: (...question) => evaluation.runtime(...question),
    log: monitoring,
  })
  const automation = createAutomation(platform, {
    endpoint: async (db, workspace, name) => {
      const endpoint = await deployments.endpoint(db, workspace, name)
      return endpoint && { championVersion: endpoint.championVersion, policy: endpoint.policy.automation }
    },
    openRollout: (...question) => deployments.hasOpenRollout(...question),
    monitoring,
  })
  const governance = new Governance(platform, {
    deployments,
    evaluation,
    pipelines,
    predictions: monitoring.predictions,
    registry: {
      origin: async (db, workspace, model, version) => {
        const found = await registry.version(db, workspace, model, version)
        if (!found) return null
        const run = found.run === '' ? null : await experiments.run(db, workspace, found.run)
        return { runId: found.run || null, origin: originOf(new Map(run?.tags.map(({ key, value }) => [key, value]))) }
      },
    },
  })

  return {
    deployments,
    evaluation,
    monitoring,
    automation,
    governance,
    replays,
    routes(app: HttpServer): void {
      for (const module of [deployments, evaluation, monitoring, automation, governance, traffic]) module.routes(app)
      replayRoutes(app, replays)
    },
    /** Work that counts as the platform being busy: evaluations, replays, and rollouts whose last change is not in force yet. */
    async openWork(): Promise<number> {
      return (await evaluation.unfinished()) + (await deployments.unconfirmed()) + (await replays.unfinished())
    },
    /** Takes up what the last server left. */
    async start(): Promise<void> {
      evaluation.start()
      replays.start()
      deployments.rollouts.start()
      await monitoring.start()
      traffic.start()
    },
    /** After the queue has stopped: nothing asks for more work. */
    async stop(): Promise<void> {
      await monitoring.stop()
      await traffic.stop()
      await deployments.rollouts.stop()
      // Together: a gate that waits for its replay ends with it, and is taken up by the next server.
      await Promise.all([evaluation.stop(), replays.stop()])
    },
  }
}

/** Input of a version of a model; null also for one that is none. */
export function modelInput(registry: RegistryModule) {
  return async (...question: Parameters<RegistryModule['inputOf']>) => {
    const found = await registry.inputOf(...question)
    return found?.kind === 'model' ? found : null
  }
}

/** What monitoring must know of an endpoint; one that does not serve yet has nothing to watch. */
function monitored(endpoint: Endpoint | null): MonitoredEndpoint | null {
  if (endpoint?.state !== 'serving') return null
  const { name, model, championVersion, replay, columns, policy } = endpoint
  return {
    name,
    model,
    championVersion,
    replay,
    columns,
    policy: policy.monitoring,
    logging: policy.logging,
    gateLoss: policy.gates.loss,
  }
}
