import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  candidateRegistered,
  EndpointPolicy,
  type EventType,
  type Gate,
  gatesFailed,
  gatesPassed,
  type LoggedPrediction,
  performanceLost,
  pipelineStarted,
  pipelineSucceeded,
  retrainingDecided,
  rolloutPromoted,
  rolloutStarted,
  uuidv7,
} from '@tidemark/contracts'
import type { z } from 'zod'
import { localPerson, systemActor } from '../platform/actor.ts'
import { inTransaction, listEvents, type Platform, sql } from '../platform/index.ts'
import { createPlatform } from '../platform/platform.ts'
import { migratedTestDatabase } from '../platform/testing.ts'
import { Governance } from './service.ts'
import { latestEventQuery } from './store.ts'

const WORKSPACE = 'default'
const subject = { model: 'films', version: 3, endpoint: 'films' }
const failed: Gate = { name: 'robustness', verdict: 'failed', numbers: {}, sentence: 'it raises', parts: [] }
const predictions = new Map<string, LoggedPrediction>()
let approval: 'automatic' | 'person' = 'person'
let gates: { id: string; gates: readonly Gate[]; state: string } | null = null
let platform: Platform
let governance: Governance
let close: () => Promise<void>

before(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-governance-'))
  const database = await migratedTestDatabase()
  platform = createPlatform({
    dataDir,
    databaseUrl: database.url,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: 'http://127.0.0.1:0',
    login: false,
    allowedHosts: [],
    internalToken: 'test-internal-token-of-at-least-32-characters',
    logLevel: 'error',
    jobConcurrency: 1,
  })
  const origin = {
    pipelineRun: null,
    dataset: 'films/7',
    gitCommit: 'abc123',
    gitPatch: null,
    lock: 'lock1',
    seed: '1',
  }
  governance = new Governance(platform, {
    deployments: { endpoint: async () => ({ policy: EndpointPolicy.parse({ approval }) }) },
    evaluation: { latestGates: async () => gates },
    registry: { origin: async () => ({ runId: 'run-of-3', origin }) },
    pipelines: { runOfVersion: async () => null },
    predictions: { find: async (_workspace, id) => predictions.get(id) ?? null },
  })
  close = async () => {
    await platform.database.close()
    await database.drop()
    await rm(dataDir, { recursive: true, force: true })
  }
})
after(() => close())

/** Appends an event that another caused, as a reaction does. */
function follow<P extends z.ZodType>(cause: string | null, type: EventType<P>, payload: z.input<P>): Promise<string> {
  const actor = systemActor('test', WORKSPACE)
  const because = cause ? actor.because([cause], cause) : actor
  return inTransaction(platform.db, (tx) => platform.events.append(tx, because, type, payload))
}

/** The events of one turn of the loop. */
async function turnOfTheLoop() {
  const [run, evaluation, rollout] = [uuidv7(), uuidv7(), uuidv7()]
  const started = { run, pipeline: 'films', purpose: 'retraining' as const, endpoint: 'films' }
  const window = { window: uuidv7(), from: '2004-01-01T00:00:00Z', to: '2004-02-01T00:00:00Z' }
  const lost = await follow(null, performanceLost, {
    endpoint: 'films',
    ...window,
    version: 1,
    lossBefore: 0.8,
    lossNow: 1,
    summary: 'mean error 0.8, now 1.0',
    evidence: {},
  })
  const common = { endpoint: 'films', pipeline: 'films', summary: 'it pays', evidence: { gain: 120 } }
  const decided = await follow(lost, retrainingDecided, {
    ...common,
    decision: uuidv7(),
    asOf: '2004-02-01T00:00:00Z',
    parameters: {},
  })
  await follow(decided, pipelineStarted, started)
  const done = { ...started, modelVersion: 'films/3', seconds: 12, cachedSteps: 1 }
  const succeeded = await follow(decided, pipelineSucceeded, done)
  const candidate = await follow(succeeded, candidateRegistered, { ...subject, pipelineRun: run })
  const passed = await follow(candidate, gatesPassed, {
    ...subject,
    evaluation,
    champion: 1,
    summary: 'better by 0.1',
    evidence: {},
  })
  approval = 'automatic'
  await governance.requestApproval(systemActor('governance', WORKSPACE).because([passed], lost), subject)
  const [approved] = await listEvents(platform.db, WORKSPACE, { type: 'governance.version_approved', limit: 1 })
  assert.ok(approved)
  const about = { model: 'films', version: 3, rollout, endpoint: 'films', championVersion: 1 }
  const began = await follow(approved.id, rolloutStarted, about)
  const promoted = await follow(began, rolloutPromoted, {
    ...about,
    proof: 'non-inferiority proven',
    reason: 'within margins',
    evidence: {},
  })
  return { run, evaluation, rollout, lost, promoted }
}

test('why follows a promotion back to the lost performance, newest first', async () => {
  const loop = await turnOfTheLoop()
  const expected = [
    'deployments.rollout_promoted',
    'deployments.rollout_started',
    'governance.version_approved',
    'governance.approval_requested',
    'evaluation.gates_passed',
    'registry.candidate_registered',
    'pipelines.run_succeeded',
    'automation.retraining_decided',
    'monitoring.performance_lost',
  ]
  for (const id of [loop.promoted, loop.rollout, 'films/3']) {
    const why = await governance.explanations.why(WORKSPACE, id)
    assert.deepEqual(
      why.chain.map((event) => event.type),
      expected,
      id,
    )
    const facts = new Map(why.facts.map((fact) => [fact.label, fact.value]))
    assert.equal(facts.get('Commit'), 'abc123')
    assert.equal(facts.get('Data version'), 'films/7')
    assert.match(facts.get('Approval') ?? '', /approved by governance/)
  }
  const byRun = await governance.explanations.why(WORKSPACE, loop.run)
  assert.equal(byRun.about.kind, 'pipeline-run')
  assert.equal(byRun.chain.at(-1)?.id, loop.lost)
  const byEvaluation = await governance.explanations.why(WORKSPACE, loop.evaluation)
  assert.equal(byEvaluation.chain[0]?.type, 'evaluation.gates_passed')
})

test('why of an answer gives its record, its version and what put that version in place', async () => {
  const id = uuidv7()
  predictions.set(id, {
    gateway: 'one',
    segment: 1,
    mirror: null,
    answer: {
      kind: 'answer',
      id,
      workspace: WORKSPACE,
      endpoint: 'films',
      arrivedAt: Date.now(),
      eventTime: Date.UTC(2004, 5, 1),
      requestId: 'r',
      caller: null,
      entities: ['Alien'],
      version: 'films/3',
      runtime: 'onnx',
      rollout: null,
      columns: [],
      rows: [],
      predictions: [7.5],
      error: null,
      milliseconds: 1,
    },
  })
  const why = await governance.explanations.why(WORKSPACE, id)
  assert.equal(why.about.kind, 'prediction')
  assert.equal(why.prediction?.answer.predictions?.[0], 7.5)
  assert.equal(why.chain[0]?.type, 'deployments.rollout_promoted')
  assert.ok(why.facts.some((fact) => fact.label === 'About' && fact.value === 'Alien'))
})

test('what events name in their payload is found by an index', async () => {
  for (const payload of ['evaluation', 'approval', 'waiver', 'decision'] as const) {
    const plan = await inTransaction(platform.db, async (tx) => {
      // Ten events are read sooner than any index; a million are not.
      await sql`set local enable_seqscan = off`.execute(tx)
      const question = latestEventQuery(WORKSPACE, { payload, id: uuidv7() })
      return (await sql<Record<string, string>>`explain ${question}`.execute(tx)).rows.flatMap(Object.values).join('\n')
    })
    assert.match(plan, new RegExp(`Index (Only )?Scan.* using event_${payload} on event`), plan)
  }
})

test('why of nothing says what may be asked', async () => {
  await assert.rejects(governance.explanations.why(WORKSPACE, 'nonsense'), { code: 'NOTHING_TO_EXPLAIN' })
  await assert.rejects(governance.explanations.why(WORKSPACE, uuidv7()), { code: 'NOTHING_TO_EXPLAIN' })
})

test('by the policy "person" a version waits, and is decided once', async () => {
  approval = 'person'
  const cause = await follow(null, gatesPassed, {
    ...subject,
    version: 4,
    evaluation: uuidv7(),
    champion: 3,
    summary: 'better',
    evidence: {},
  })
  const asking = systemActor('governance', WORKSPACE).because([cause], cause)
  await governance.requestApproval(asking, { ...subject, version: 4 })
  await governance.requestApproval(asking, { ...subject, version: 4 })
  const waiting = await governance.approvals(WORKSPACE, { state: 'waiting', limit: 10 })
  assert.equal(waiting.length, 1)
  const id = waiting[0]?.id ?? ''
  const refused = await governance.decide(localPerson(), id, 'refuse', 'not before the holidays')
  assert.equal(refused.state, 'refused')
  await assert.rejects(governance.decide(localPerson(), id, 'approve', 'changed my mind'), { code: 'APPROVAL_DECIDED' })
  const [event] = await listEvents(platform.db, WORKSPACE, { type: 'governance.approval_refused', limit: 1 })
  assert.equal(event?.actor.id, 'local')
})

test('a waiver names the gates that failed, is recorded, and approves', async () => {
  const bad = { ...subject, version: 5 }
  gates = null
  await assert.rejects(governance.waive(localPerson(), bad, ['robustness'], 'demo'), { code: 'WAIVER_NEEDS_GATES' })
  gates = { id: uuidv7(), gates: [failed], state: 'failed' }
  const evidence = { evaluation: gates.id, champion: 3, summary: 'it raises', evidence: {} }
  const refusal = await follow(null, gatesFailed, { ...bad, ...evidence })
  await assert.rejects(governance.waive(localPerson(), bad, ['slices'], 'demo'), { code: 'WAIVER_NOT_NEEDED' })
  const waiver = await governance.waive(localPerson(), bad, ['robustness'], 'to see the rollout catch it')
  const why = await governance.explanations.why(WORKSPACE, waiver.id)
  assert.deepEqual(
    why.chain.map((event) => event.type),
    ['governance.version_approved', 'governance.waiver_recorded', 'evaluation.gates_failed'],
  )
  assert.equal(why.chain.at(-1)?.id, refusal)
})

test('the audit finds the first event whose bytes were edited', async () => {
  assert.equal((await governance.verifyAudit()).intact, true)
  await sql`update event set canonical = canonical || ' '::bytea where position = 3`.execute(platform.db)
  assert.deepEqual((await governance.verifyAudit()).firstBrokenPosition, 3)
})
