import { z } from 'zod'
import { ActorRef, Digest, Id, Instant, ModelVersionRef, Name } from './values.ts'

/** A kind of event: what happened, in the past tense, and the shape of its payload. */
export interface EventType<P extends z.ZodType = z.ZodType> {
  readonly type: string
  readonly schemaVersion: number
  readonly payload: P
  /** What it happened to, as `kind:id`, from the payload. */
  readonly subject: (payload: z.output<P>) => string
  /** One sentence for a person, with the numbers used. */
  readonly sentence: (payload: z.output<P>) => string
}

function defineEvent<P extends z.ZodType>(
  type: string,
  payload: P,
  subject: (payload: z.output<P>) => string,
  sentence: (payload: z.output<P>) => string,
): EventType<P> {
  return { type, schemaVersion: 1, payload, subject, sentence }
}

/** Numbers and words that explain a decision, as the person reads them. */
export const Evidence = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
export type Evidence = z.infer<typeof Evidence>

// --- data
export const datasetVersionCreated = defineEvent(
  'data.version_created',
  z.object({
    dataset: Name,
    version: z.int(),
    digest: Digest,
    rows: z.int(),
    newRows: z.int(),
    newBytes: z.int(),
    quarantinedRows: z.int(),
  }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) =>
    `Version ${p.version} of dataset ${p.dataset}: ${p.rows} rows, ${p.newRows} of them new (${p.newBytes} bytes stored)`,
)
export const rowsQuarantined = defineEvent(
  'data.rows_quarantined',
  z.object({ dataset: Name, version: z.int(), rule: z.string(), rows: z.int(), reason: z.string() }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) => `${p.rows} rows of ${p.dataset} quarantined by rule "${p.rule}": ${p.reason}`,
)

// --- pipelines
export const Purpose = z.enum(['manual', 'retraining'])
const PipelineRun = z.object({ run: Id, pipeline: Name, purpose: Purpose, endpoint: Name.nullable() })
export const pipelineStarted = defineEvent(
  'pipelines.run_started',
  PipelineRun,
  (p) => `pipeline-run:${p.run}`,
  (p) => `Pipeline ${p.pipeline} started (${p.purpose})`,
)
export const pipelineSucceeded = defineEvent(
  'pipelines.run_succeeded',
  PipelineRun.extend({ modelVersion: ModelVersionRef.nullable(), seconds: z.number(), cachedSteps: z.int() }),
  (p) => `pipeline-run:${p.run}`,
  (p) =>
    `Pipeline ${p.pipeline} succeeded in ${p.seconds.toFixed(1)} s (${p.cachedSteps} steps from cache)${p.modelVersion ? `, made ${p.modelVersion}` : ''}`,
)
export const retrainingNotStarted = defineEvent(
  'pipelines.retraining_not_started',
  z.object({ decision: Id, pipeline: Name, endpoint: Name, reason: z.string() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `The retraining for ${p.endpoint} could not start: ${p.reason}`,
)
export const pipelineFailed = defineEvent(
  'pipelines.run_failed',
  PipelineRun.extend({ step: z.string(), reason: z.string() }),
  (p) => `pipeline-run:${p.run}`,
  (p) => `Pipeline ${p.pipeline} failed in step ${p.step}: ${p.reason}`,
)

// --- registry
const Version = z.object({ model: z.string(), version: z.int() })
/** Prompts ride on the registry: a model or version that is one says so. */
const prompt = z.boolean().default(false)
const Tags = z.record(z.string(), z.string())
export const modelCreated = defineEvent(
  'registry.model_created',
  z.object({ model: z.string(), description: z.string(), tags: Tags, prompt }),
  (p) => `model:${p.model}`,
  (p) => `${p.prompt ? 'Prompt' : 'Model'} ${p.model} created`,
)
export const modelTagSet = defineEvent(
  'registry.model_tag_set',
  z.object({ model: z.string(), key: z.string(), value: z.string(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Tag ${p.key} of ${p.model} set`,
)
export const modelTagRemoved = defineEvent(
  'registry.model_tag_removed',
  z.object({ model: z.string(), key: z.string(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Tag ${p.key} of ${p.model} removed`,
)
export const versionTagSet = defineEvent(
  'registry.version_tag_set',
  Version.extend({ key: z.string(), value: z.string(), prompt }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Tag ${p.key} of ${p.model}/${p.version} set`,
)
export const versionTagRemoved = defineEvent(
  'registry.version_tag_removed',
  Version.extend({ key: z.string(), prompt }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Tag ${p.key} of ${p.model}/${p.version} removed`,
)
export const versionRegistered = defineEvent(
  'registry.version_registered',
  Version.extend({
    mlflowRun: z.string().nullable(),
    digest: Digest.nullable(),
    // As they were asked for: a receiver of webhooks is told of this moment, not of what became of it.
    source: z.string().default(''),
    description: z.string().default(''),
    tags: Tags.default({}),
    prompt,
  }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} registered`,
)
export const candidateRegistered = defineEvent(
  'registry.candidate_registered',
  Version.extend({ endpoint: Name, pipelineRun: Id }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} is a candidate for endpoint ${p.endpoint}`,
)
export const aliasSet = defineEvent(
  'registry.alias_set',
  Version.extend({ alias: z.string(), previousVersion: z.int().nullable(), prompt }),
  (p) => `model:${p.model}`,
  (p) =>
    `Alias ${p.alias} of ${p.model} points to ${p.version}${p.previousVersion ? `, before to ${p.previousVersion}` : ''}`,
)

export const aliasRemoved = defineEvent(
  'registry.alias_removed',
  z.object({ model: z.string(), alias: z.string(), previousVersion: z.int(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Alias ${p.alias} of ${p.model} removed, before it pointed to ${p.previousVersion}`,
)
export const versionDeleted = defineEvent(
  'registry.version_deleted',
  Version,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} deleted; its number and its files stay its own`,
)

// --- webhooks
const Webhook = z.object({ webhook: Id, name: z.string(), host: z.string() })
export const webhookCreated = defineEvent(
  'webhooks.created',
  Webhook.extend({ events: z.array(z.string()) }),
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} created for ${p.events.join(', ')}`,
)
export const webhookChanged = defineEvent(
  'webhooks.changed',
  Webhook.extend({ events: z.array(z.string()), active: z.boolean(), newSecret: z.boolean() }),
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} changed${p.active ? '' : ', it is off'}`,
)
export const webhookDeleted = defineEvent(
  'webhooks.deleted',
  Webhook,
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} deleted`,
)

// --- imports
export const importFinished = defineEvent(
  'imports.finished',
  z.object({
    import: Id,
    source: z.string(),
    counts: z.record(
      z.string(),
      z.object({ source: z.int(), imported: z.int(), skipped: z.int(), mismatched: z.int() }),
    ),
  }),
  (p) => `import:${p.import}`,
  (p) =>
    `Import from ${p.source} finished: ${
      Object.entries(p.counts)
        .map(([kind, { source, imported }]) => `${imported} of ${source} ${kind}`)
        .join(', ') || 'nothing'
    }`,
)
export const versionsImported = defineEvent(
  'imports.versions_imported',
  z.object({ import: Id, model: z.string(), versions: z.array(z.int()) }),
  (p) => `model:${p.model}`,
  (p) => `Versions ${p.versions.join(', ')} of ${p.model} imported, as if registered by hand`,
)

// --- evaluation
const Gates = Version.extend({
  evaluation: Id,
  endpoint: Name,
  champion: z.int().nullable(),
  summary: z.string(),
  evidence: Evidence,
})
export const gatesPassed = defineEvent(
  'evaluation.gates_passed',
  Gates,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates of ${p.model}/${p.version} passed: ${p.summary}`,
)
export const gatesFailed = defineEvent(
  'evaluation.gates_failed',
  Gates,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates of ${p.model}/${p.version} refused it: ${p.summary}`,
)

export const versionMeasured = defineEvent(
  'evaluation.version_measured',
  Gates.extend({ runtime: z.enum(['onnx', 'python']) }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} measured for its endpoint ${p.endpoint}: ${p.summary}`,
)
export const evaluationBroken = defineEvent(
  'evaluation.broken',
  Version.extend({ evaluation: Id, endpoint: Name, purpose: z.enum(['gates', 'first']), problem: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `The evaluation of ${p.model}/${p.version} for ${p.endpoint} came to no end: ${p.problem}`,
)

export const runtimeDecided = defineEvent(
  'evaluation.runtime_decided',
  Version.extend({
    runtime: z.enum(['onnx', 'python']),
    summary: z.string(),
    modelDigest: z.string().nullable(),
    onnxDigest: Digest.nullable(),
    parityRows: z.int(),
    mismatches: z.int(),
  }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Runtime of ${p.model}/${p.version} decided: ${p.summary}`,
)
export const runtimeSwitched = defineEvent(
  'evaluation.runtime_switched',
  Version.extend({ endpoint: Name, prediction: Id, summary: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} runs in Python from now on: ${p.summary}`,
)

// --- governance
export const approvalRequested = defineEvent(
  'governance.approval_requested',
  Version.extend({ approval: Id, endpoint: Name, policy: z.enum(['automatic', 'person']) }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Approval of ${p.model}/${p.version} for ${p.endpoint} requested (${p.policy})`,
)
export const versionApproved = defineEvent(
  'governance.version_approved',
  Version.extend({ approval: Id, endpoint: Name, by: ActorRef, reason: z.string(), waiver: Id.nullable() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} approved for ${p.endpoint} by ${p.by.id}: ${p.reason}`,
)
export const approvalRefused = defineEvent(
  'governance.approval_refused',
  Version.extend({ approval: Id, endpoint: Name, by: ActorRef, reason: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} refused for ${p.endpoint} by ${p.by.id}: ${p.reason}`,
)
export const waiverRecorded = defineEvent(
  'governance.waiver_recorded',
  Version.extend({ waiver: Id, endpoint: Name, gates: z.array(z.string()), reason: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates ${p.gates.join(', ')} waived for ${p.model}/${p.version} on ${p.endpoint}: ${p.reason}`,
)

// --- deployments
export const endpointDeclared = defineEvent(
  'deployments.endpoint_declared',
  z.object({ endpoint: Name, model: z.string(), version: z.int() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} declared, to begin with ${p.model}/${p.version}`,
)
export const endpointCreated = defineEvent(
  'deployments.endpoint_created',
  z.object({ endpoint: Name, model: z.string(), version: z.int() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} serves ${p.model}/${p.version}`,
)
export const endpointChanged = defineEvent(
  'deployments.endpoint_changed',
  z.object({ endpoint: Name, changed: z.array(z.string()) }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} changed: ${p.changed.join(', ')}`,
)
const Rollout = Version.extend({ rollout: Id, endpoint: Name, championVersion: z.int() })
export const rolloutStarted = defineEvent(
  'deployments.rollout_started',
  Rollout.extend({ reason: z.string().nullable().default(null) }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} started in shadow of version ${p.championVersion}`,
)
export const rolloutShifted = defineEvent(
  'deployments.rollout_shifted',
  Rollout.extend({ weightPercent: z.number(), reason: z.string(), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} moved to ${p.weightPercent} % of callers: ${p.reason}`,
)
export const rolloutPromoted = defineEvent(
  'deployments.rollout_promoted',
  Rollout.extend({
    proof: z.enum(['non-inferiority proven', 'promoted without proof']),
    reason: z.string(),
    evidence: Evidence,
  }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} promoted on ${p.endpoint} (${p.proof}): ${p.reason}`,
)
export const rolloutRolledBack = defineEvent(
  'deployments.rollout_rolled_back',
  Rollout.extend({
    guardrail: z.enum(['errors', 'loss', 'latency', 'disagreement', 'time', 'person']),
    reason: z.string(),
    evidence: Evidence,
  }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} rolled back on ${p.endpoint} because of ${p.guardrail}: ${p.reason}`,
)
export const rolloutPaused = defineEvent(
  'deployments.rollout_paused',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} paused: ${p.reason}`,
)
export const rolloutResumed = defineEvent(
  'deployments.rollout_resumed',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} resumed: ${p.reason}`,
)
export const rolloutDropped = defineEvent(
  'deployments.rollout_dropped',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} left its queue: ${p.reason}`,
)
const JudgedElsewhere = z.object({ rollout: Id, name: Name, reason: z.string() })
export const evidenceRolloutBegun = defineEvent(
  'deployments.evidence_rollout_begun',
  z.object({ rollout: Id, name: Name }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout ${p.name}, which another platform carries out, is judged from now on`,
)
export const evidenceRolloutJudged = defineEvent(
  'deployments.evidence_rollout_judged',
  JudgedElsewhere.extend({ verdict: z.enum(['promote', 'roll_back']), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Verdict on rollout ${p.name}: ${p.verdict.replace('_', ' ')}, ${p.reason}`,
)
export const evidenceRolloutEnded = defineEvent(
  'deployments.evidence_rollout_ended',
  JudgedElsewhere,
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout ${p.name} is judged no more: ${p.reason}`,
)
export const rolloutObserved = defineEvent(
  'deployments.rollout_observed',
  Rollout.extend({ verdict: z.enum(['not worse', 'no proof']), reason: z.string(), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} was observed in shadow on ${p.endpoint} (${p.verdict}): ${p.reason}`,
)

// --- monitoring
const Window = z.object({ endpoint: Name, window: Id, from: Instant, to: Instant })
export const windowClosed = defineEvent(
  'monitoring.window_closed',
  Window.extend({ predictions: z.int(), entities: z.int() }),
  (p) => `window:${p.window}`,
  (p) =>
    `Window ${p.from.slice(0, 10)} to ${p.to.slice(0, 10)} of ${p.endpoint} closed with ${p.predictions} predictions on ${p.entities} things`,
)
export const driftDetected = defineEvent(
  'monitoring.drift_detected',
  Window.extend({ features: z.array(z.string()), summary: z.string(), evidence: Evidence }),
  (p) => `window:${p.window}`,
  (p) => `Drift on ${p.endpoint}: ${p.summary}`,
)
export const inputFaultDetected = defineEvent(
  'monitoring.input_fault_detected',
  Window.extend({
    feature: z.string(),
    factor: z.number(),
    since: Instant,
    summary: z.string(),
    evidence: Evidence,
    quarantined: z.int(),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Input fault on ${p.endpoint}: ${p.summary}`,
)
export const inputFaultResolved = defineEvent(
  'monitoring.input_fault_resolved',
  z.object({
    endpoint: Name,
    fault: Id,
    feature: z.string(),
    until: Instant,
    reason: z.string(),
    quarantined: z.int(),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Input fault of ${p.feature} on ${p.endpoint} is over: ${p.reason}`,
)
export const performanceLost = defineEvent(
  'monitoring.performance_lost',
  Window.extend({
    version: z.int(),
    lossBefore: z.number(),
    lossNow: z.number(),
    summary: z.string(),
    evidence: Evidence,
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Performance lost on ${p.endpoint}: ${p.summary}`,
)

// --- automation
const Retraining = z.object({ decision: Id, endpoint: Name, pipeline: Name, summary: z.string(), evidence: Evidence })
export const retrainingDecided = defineEvent(
  'automation.retraining_decided',
  Retraining.extend({
    asOf: Instant,
    /** Of the run, besides `asOf`: as the endpoint's owner declared them. */
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Retrain ${p.pipeline} for ${p.endpoint}: ${p.summary}`,
)
export const retrainingDeclined = defineEvent(
  'automation.retraining_declined',
  Retraining,
  (p) => `endpoint:${p.endpoint}`,
  (p) => `No retraining for ${p.endpoint}: ${p.summary}`,
)

// --- platform
export const blobsSwept = defineEvent(
  'platform.blobs_swept',
  z.object({
    stored: z.int(),
    swept: z.int(),
    sweptBytes: z.int(),
    revoked: z.int(),
    young: z.int(),
    busy: z.int(),
    graceSeconds: z.number(),
  }),
  () => 'platform:blobs',
  (p) => `${p.swept} blobs that nothing named deleted, ${p.sweptBytes} bytes`,
)

// --- identity: people by their ids alone, tokens without their secrets
const RoleName = z.enum(['viewer', 'editor', 'owner', 'admin'])
export const personAdded = defineEvent(
  'identity.person_added',
  z.object({ person: Id, admin: z.boolean() }),
  (p) => `person:${p.person}`,
  (p) => `A person was added${p.admin ? ' as an admin of the platform' : ''}`,
)
export const personChanged = defineEvent(
  'identity.person_changed',
  z.object({ person: Id, changed: z.array(z.enum(['password', 'made admin', 'no longer admin'])) }),
  (p) => `person:${p.person}`,
  (p) => `A person was changed: ${p.changed.join(', ')}`,
)
export const personRemoved = defineEvent(
  'identity.person_removed',
  z.object({ person: Id }),
  (p) => `person:${p.person}`,
  () => 'A person was removed, with their sessions and roles',
)
export const memberSet = defineEvent(
  'identity.member_set',
  z.object({ person: Id, role: RoleName, previousRole: RoleName.nullable() }),
  (p) => `person:${p.person}`,
  (p) => `A person is ${p.role} of this workspace${p.previousRole ? `, before ${p.previousRole}` : ''}`,
)
export const memberRemoved = defineEvent(
  'identity.member_removed',
  z.object({ person: Id, previousRole: RoleName }),
  (p) => `person:${p.person}`,
  (p) => `A person is no longer ${p.previousRole} of this workspace`,
)
export const tokenCreated = defineEvent(
  'identity.token_created',
  z.object({
    token: Id,
    name: z.string(),
    role: RoleName,
    permissions: z.array(z.string()).nullable(),
    expiresAt: Instant,
  }),
  (p) => `token:${p.token}`,
  (p) =>
    `Token "${p.name}" created: ${p.role}${p.permissions ? `, only ${p.permissions.join(', ')}` : ''}, until ${p.expiresAt.slice(0, 10)}`,
)
export const tokenRevoked = defineEvent(
  'identity.token_revoked',
  z.object({ token: Id, name: z.string() }),
  (p) => `token:${p.token}`,
  (p) => `Token "${p.name}" revoked`,
)
export const workspaceCreated = defineEvent(
  'identity.workspace_created',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `Workspace ${p.workspace} created`,
)
export const workspaceChanged = defineEvent(
  'identity.workspace_changed',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `The description of workspace ${p.workspace} changed`,
)
export const workspaceDeleted = defineEvent(
  'identity.workspace_deleted',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `Workspace ${p.workspace} deleted; it was empty`,
)

// --- prediction log
export const answersUnlogged = defineEvent(
  'deployments.answers_unlogged',
  z.object({ endpoint: Name, gateway: z.string(), answers: z.int(), reason: z.string() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) =>
    `${p.answers} answers of ${p.endpoint} left without a record, because the prediction log could not be written (${p.reason}); its policy is to serve unlogged`,
)

export const predictionsErased = defineEvent(
  'monitoring.predictions_erased',
  z.object({
    erasure: Id,
    endpoint: Name.nullable(),
    kind: z.enum(['entity', 'caller']),
    predictions: z.int(),
    rows: z.int(),
    stored: z.int(),
  }),
  (p) => `erasure:${p.erasure}`,
  (p) =>
    `What was known of one ${p.kind === 'entity' ? 'thing' : 'caller'}${p.endpoint ? ` at ${p.endpoint}` : ''} was erased: ${p.predictions} predictions with ${p.rows} rows of the log, ${p.stored} stored rows`,
)

// --- batch prediction
export const batchPredicted = defineEvent(
  'batch.predicted',
  z.object({
    batch: Id,
    modelVersion: ModelVersionRef,
    input: z.string(),
    dataset: Name,
    version: z.int(),
    rows: z.int(),
    seconds: z.number(),
  }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) =>
    `${p.modelVersion} predicted ${p.rows} rows of ${p.input} in ${p.seconds.toFixed(0)} s: version ${p.version} of dataset ${p.dataset}`,
)
export const batchFailed = defineEvent(
  'batch.failed',
  z.object({ batch: Id, modelVersion: ModelVersionRef, input: z.string(), reason: z.string() }),
  (p) => `batch:${p.batch}`,
  (p) => `Batch prediction of ${p.input} by ${p.modelVersion} failed: ${p.reason}`,
)

// --- replays
const Replayed = z.object({ replay: Id, endpoint: Name, modelVersion: ModelVersionRef })
export const replayFinished = defineEvent(
  'replays.finished',
  Replayed.extend({ summary: z.string(), evidence: Evidence, seconds: z.number() }),
  (p) => `model-version:${p.modelVersion}`,
  (p) => `${p.modelVersion} was asked again what ${p.endpoint} was asked: ${p.summary}`,
)
export const replayFailed = defineEvent(
  'replays.failed',
  Replayed.extend({ reason: z.string() }),
  (p) => `model-version:${p.modelVersion}`,
  (p) => `The replay of ${p.endpoint} by ${p.modelVersion} failed: ${p.reason}`,
)

// --- retention
const DELETED = {
  experiment: 'experiments',
  run: 'runs',
  logged_model: 'logged models',
  model_version: 'model versions',
  registered_model: 'registered models',
} as const
export const purgedForGood = defineEvent(
  'retention.purged',
  z.object({
    kind: z.enum(['experiment', 'run', 'logged_model', 'model_version', 'registered_model']),
    ids: z.array(z.string()),
    files: z.int(),
    bytes: z.int(),
  }),
  (p) => `retention:${p.kind}`,
  (p) => `Deleted for good: ${p.ids.length} ${DELETED[p.kind]} with ${p.files} files (${p.bytes} bytes)`,
)
export const retentionPolicySet = defineEvent(
  'retention.policy_set',
  z.object({ olderThanDays: z.int().nullable() }),
  () => 'retention:policy',
  (p) =>
    p.olderThanDays === null
      ? 'What is deleted is kept for ever'
      : `What was deleted ${p.olderThanDays} days ago is deleted for good, once a day`,
)

export const EVENT_TYPES = [
  datasetVersionCreated,
  rowsQuarantined,
  pipelineStarted,
  pipelineSucceeded,
  retrainingNotStarted,
  pipelineFailed,
  modelCreated,
  modelTagSet,
  modelTagRemoved,
  versionRegistered,
  versionTagSet,
  versionTagRemoved,
  candidateRegistered,
  aliasSet,
  aliasRemoved,
  versionDeleted,
  importFinished,
  versionsImported,
  webhookCreated,
  webhookChanged,
  webhookDeleted,
  gatesPassed,
  gatesFailed,
  versionMeasured,
  evaluationBroken,
  runtimeDecided,
  runtimeSwitched,
  approvalRequested,
  versionApproved,
  approvalRefused,
  waiverRecorded,
  endpointDeclared,
  endpointCreated,
  endpointChanged,
  rolloutStarted,
  rolloutShifted,
  rolloutPromoted,
  rolloutRolledBack,
  rolloutPaused,
  rolloutResumed,
  rolloutObserved,
  rolloutDropped,
  evidenceRolloutBegun,
  evidenceRolloutJudged,
  evidenceRolloutEnded,
  windowClosed,
  driftDetected,
  inputFaultDetected,
  inputFaultResolved,
  performanceLost,
  retrainingDecided,
  retrainingDeclined,
  blobsSwept,
  personAdded,
  personChanged,
  personRemoved,
  memberSet,
  memberRemoved,
  tokenCreated,
  tokenRevoked,
  workspaceCreated,
  workspaceChanged,
  workspaceDeleted,
  purgedForGood,
  retentionPolicySet,
  answersUnlogged,
  predictionsErased,
  batchPredicted,
  batchFailed,
  replayFinished,
  replayFailed,
] as const

/** An event as the API gives it. */
export const EventRecord = z
  .object({
    id: Id,
    /** Position in commit order: a reader that remembers it misses nothing. */
    position: z.int(),
    workspace: z.string(),
    type: z.string(),
    schemaVersion: z.int(),
    subject: z.string(),
    actor: ActorRef,
    causes: z.array(Id),
    correlation: Id,
    payload: z.record(z.string(), z.unknown()),
    sentence: z.string(),
    occurredAt: Instant,
    recordedAt: Instant,
    /** SHA-256 over the previous event's hash and this event's canonical bytes, hex. */
    hash: z.string(),
  })
  .meta({ id: 'Event' })
export type EventRecord = z.infer<typeof EventRecord>
