import {
  aliasRemoved,
  aliasSet,
  approvalRefused,
  candidateRegistered,
  type EventRecord,
  type EventType,
  endpointCreated,
  endpointDeclared,
  evaluationBroken,
  gatesFailed,
  gatesPassed,
  modelCreated,
  modelTagRemoved,
  modelTagSet,
  parseModelVersionRef,
  performanceLost,
  pipelineFailed,
  pipelineSucceeded,
  retrainingDecided,
  retrainingDeclined,
  retrainingNotStarted,
  rolloutPromoted,
  rolloutRolledBack,
  runtimeSwitched,
  versionApproved,
  versionMeasured,
  versionRegistered,
  versionTagRemoved,
  versionTagSet,
  windowClosed,
} from '@tidemark/contracts'
import type { z } from 'zod'
import type { createAutomation } from './automation/index.ts'
import type { Deployments } from './deployments/index.ts'
import type { Evaluations } from './evaluation/index.ts'
import type { Governance } from './governance/index.ts'
import type { Monitoring } from './monitoring/index.ts'
import type { Pipelines } from './pipelines/index.ts'
import type { Actor } from './platform/actor.ts'
import type { Events } from './platform/events.ts'
import type { RegistryModule } from './registry/index.ts'
import type { WebhooksModule } from './webhooks/index.ts'

/** What the loop is wired from: the use cases of each module that answer an event of another. */
export interface LoopModules {
  readonly monitoring: Pick<Monitoring, 'assess' | 'adoptReference'>
  readonly automation: Pick<ReturnType<typeof createAutomation>, 'consider' | 'learn' | 'declined'>
  readonly pipelines: Pick<Pipelines, 'startRetraining'>
  readonly registry: Pick<RegistryModule, 'registerCandidate' | 'setAlias'>
  readonly evaluation: Pick<Evaluations, 'request' | 'prepare'>
  readonly governance: Pick<Governance, 'requestApproval'>
  readonly deployments: Pick<Deployments, 'endpoints' | 'starter'>
  readonly webhooks: Pick<WebhooksModule, 'announce' | 'isWanted'>
}

/** The closed loop: read top to bottom, as the product does. Each reaction is a job of the event's own transaction, keyed event:name. */
export function wireReactions(events: Events, modules: LoopModules): void {
  const { monitoring, automation, pipelines, registry, evaluation, governance, deployments, webhooks } = modules

  /** After `event`, do `run`; `name` is the module and what it does. */
  function on<P extends z.ZodType>(
    event: EventType<P>,
    name: string,
    run: (payload: z.output<P>, actor: Actor, record: EventRecord) => Promise<unknown>,
  ): void {
    events.on({
      name,
      event,
      run: async (record, actor) => {
        await run(event.payload.parse(record.payload), actor, record)
      },
    })
  }

  // A version is prepared before anybody needs it; one that a pipeline registers, once the run that made it has its outputs.
  on(versionRegistered, 'evaluation.prepare', async (e, actor, event) => {
    if (!event.actor.id.startsWith('pipeline-run:')) await evaluation.prepare(actor, e)
  })
  on(pipelineSucceeded, 'evaluation.prepare', async ({ modelVersion }, actor) => {
    if (modelVersion !== null) await evaluation.prepare(actor, parseModelVersionRef(modelVersion))
  })

  // An endpoint begins: its first version is measured, then serves.
  on(endpointDeclared, 'evaluation.first', (e, actor) => evaluation.request(actor, e, 'first'))
  on(versionMeasured, 'deployments.open', (e, actor) => deployments.endpoints.open(actor, e))
  on(evaluationBroken, 'deployments.refuse', async (e, actor) => {
    if (e.purpose === 'first') await deployments.endpoints.refuse(actor, e)
  })
  on(endpointCreated, 'registry.champion', (e, actor) => registry.setAlias(actor, e.model, 'champion', e.version))
  on(endpointCreated, 'monitoring.adopt', (e, actor) =>
    monitoring.adoptReference(actor, e.endpoint, e.model, e.version),
  )

  // A version that was caught answering otherwise as ONNX runs in Python, on every gateway.
  on(runtimeSwitched, 'deployments.rerun', (e, actor) => deployments.endpoints.rerun(actor, e))

  // What is served is watched; lost performance is answered by a retraining when that pays.
  on(windowClosed, 'monitoring.assess', (e, actor) => monitoring.assess(actor, e.window))
  on(performanceLost, 'automation.consider', (_e, actor, event) => automation.consider(actor, event))
  on(retrainingDeclined, 'automation.declined', (_e, actor, event) => automation.declined(actor, event))
  on(retrainingDecided, 'pipelines.start', (_e, actor, event) => pipelines.startRetraining(actor, event))

  // What a retraining made goes through gates, approval and rollout.
  on(pipelineSucceeded, 'registry.candidate', (_e, actor, event) => registry.registerCandidate(actor, event))
  on(candidateRegistered, 'evaluation.gates', ({ model, version, endpoint }, actor) =>
    evaluation.request(actor, { model, version, endpoint }, 'gates'),
  )
  on(gatesPassed, 'governance.approval', ({ model, version, endpoint }, actor) =>
    governance.requestApproval(actor, { model, version, endpoint }),
  )
  on(versionApproved, 'deployments.rollout', (e, actor) => deployments.starter.startApproved(actor, e))

  // The new champion is what the next windows are compared with, and the outcome is what the next decision expects.
  on(rolloutPromoted, 'registry.champion', (e, actor) => registry.setAlias(actor, e.model, 'champion', e.version))
  on(rolloutPromoted, 'monitoring.adopt', (e, actor) =>
    monitoring.adoptReference(actor, e.endpoint, e.model, e.version),
  )
  on(retrainingNotStarted, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(pipelineFailed, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(pipelineSucceeded, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(evaluationBroken, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(approvalRefused, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(gatesFailed, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(rolloutPromoted, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))
  on(rolloutRolledBack, 'automation.learn', (_e, actor, event) => automation.learn(actor, event))

  // Who asked to be told of the registry is told.
  for (const event of [
    modelCreated,
    modelTagSet,
    modelTagRemoved,
    versionRegistered,
    versionTagSet,
    versionTagRemoved,
    aliasSet,
    aliasRemoved,
  ]) {
    events.on({
      name: 'webhooks.announce',
      event,
      when: (tx, workspace) => webhooks.isWanted(tx, workspace),
      run: (record, actor) => webhooks.announce(actor, record),
    })
  }
}
