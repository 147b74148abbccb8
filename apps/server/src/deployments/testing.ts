import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AnswerRecord,
  candidateRegistered,
  EndpointPolicy,
  type EndpointSnapshot,
  type EventRecord,
  type InputColumn,
  type LogRecord,
  uuidv7,
  versionApproved,
} from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { systemActor } from '../platform/actor.ts'
import type { JoinedLabel } from '../platform/folds.ts'
import { inTransaction, listEvents, type Platform } from '../platform/index.ts'
import { createPlatform } from '../platform/platform.ts'
import { migratedTestDatabase } from '../platform/testing.ts'
import { Gateways } from './gateways/index.ts'
import { Deployments } from './index.ts'

export const WORKSPACE = 'default'
export const ENDPOINT = 'films'
const COLUMNS: readonly InputColumn[] = [{ name: 'budget', type: 'double', required: false }]

export interface TestRollouts {
  readonly platform: Platform
  readonly gateways: Gateways
  readonly deployments: Deployments
  /** Another server over the same database, as after a restart. */
  restarted(): Deployments
  close(): Promise<void>
}

/** Endpoints and rollouts over real PostgreSQL, with version facts that the registry and evaluations would give. */
export async function startTestRollouts(): Promise<TestRollouts> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-rollouts-'))
  const database = await migratedTestDatabase()
  const platform = createPlatform({
    dataDir,
    databaseUrl: database.url,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: 'http://127.0.0.1:5001',
    login: false,
    allowedHosts: [],
    internalToken: 'test-internal-token-of-at-least-32-characters',
    logLevel: 'error',
    jobConcurrency: 1,
  })
  const gateways = new Gateways(platform)
  const make = () =>
    new Deployments(platform, gateways, {
      registry: { inputOf: async () => ({ kind: 'model', columns: COLUMNS, input: { kind: 'columns' } }) },
      evaluation: {
        runtime: async (_db, _workspace, model, version) => ({
          kind: 'onnx',
          model: `sha256:${createHash('sha256').update(`${model}/${version}`).digest('hex')}`,
          inputs: [{ column: 'budget', tensor: 'budget', type: 'float32' }],
          output: 'variable',
        }),
        comparison: async () => ({ meanPredictionGap: 0.2, labelRange: { low: 1, high: 10 } }),
      },
    })
  return {
    platform,
    gateways,
    deployments: make(),
    restarted: make,
    close: async () => {
      await platform.database.close()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** The rollout policy of these tests: a shadow of 10 films, two steps. */
export const POLICY = EndpointPolicy.parse({
  rollout: {
    shadow: { minEntities: 10 },
    canary: [
      { weightPercent: 20, minCallers: 50 },
      { weightPercent: 50, minCallers: 50 },
    ],
    errorMarginPercent: 4,
    lossMargin: 0.15,
    maxDays: 3000,
  },
})

/** An endpoint that serves films/1. */
export async function openEndpoint({ deployments }: TestRollouts): Promise<void> {
  const actor = systemActor('test', WORKSPACE)
  await deployments.endpoints.put(actor, ENDPOINT, { model: 'films', version: 1, replay: true, policy: POLICY })
  await deployments.endpoints.open(actor, { endpoint: ENDPOINT, version: 1 })
}

/** Approves films/`version` as the loop does, a retraining's candidate unless said. @returns the rollout's id, null when none began. */
export async function approve(
  { platform, deployments }: TestRollouts,
  version: number,
  options: { candidate?: boolean; waiver?: string } = {},
): Promise<string | null> {
  const actor = systemActor('test', WORKSPACE)
  const subject = { model: 'films', version, endpoint: ENDPOINT }
  const approval = uuidv7()
  const waiver = options.waiver ?? null
  const event = await inTransaction(platform.db, async (tx) => {
    if (options.candidate ?? true) {
      await platform.events.append(tx, actor, candidateRegistered, { ...subject, pipelineRun: uuidv7() })
    }
    const payload = { ...subject, approval, by: actor.ref, reason: 'test', waiver }
    return platform.events.append(tx, actor, versionApproved, payload)
  })
  return deployments.starter.startApproved(actor.because([event], event), { ...subject, approval, waiver })
}

/** How two versions answer: films, their true ratings, and who fails. */
export interface World {
  readonly seed: number
  readonly films: number
  readonly visitsPerFilm: number
  readonly callers: number
  readonly championRating: (truth: number, normal: () => number) => number
  readonly candidateRating: (truth: number, champion: number, normal: () => number) => number
  /** Whether a version fails on a film. */
  readonly championFails?: (film: number) => boolean
  readonly candidateFails?: (film: number) => boolean
}

/**
 * Replays films against the endpoint as gateways log them and folds the records as the reader does: visits by the routing in force, mirrors, the
 * rating two months later. Ends early when `done` says so.
 */
export async function replay(
  test: TestRollouts,
  world: World,
  done: () => Promise<boolean>,
  deployments = test.deployments,
): Promise<void> {
  const uniform = seededUniform(world.seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const waiting: JoinedLabel[] = []
  for (let film = 0; film < world.films; film += 1) {
    const eventTime = Date.UTC(2000, 0, 1) + film * 2 * 86_400_000
    const truth = 6.2 + 1.1 * normal()
    const champion = world.championFails?.(film) ? null : world.championRating(truth, normal)
    const candidate = world.candidateFails?.(film) ? null : world.candidateRating(truth, champion ?? 6.2, normal)
    const snapshot = await test.gateways.published(WORKSPACE, ENDPOINT)
    if (!snapshot) throw new Error('The endpoint serves nothing.')
    const records: LogRecord[] = []
    for (let visit = 0; visit < world.visitsPerFilm; visit += 1) {
      const caller = `visitor-${Math.floor(uniform() ** 2 * world.callers)}`
      records.push(...visitOf(snapshot, caller, `film-${film}`, eventTime, champion, candidate))
    }
    await fold(test, deployments, records)
    const knownAt = new Date(eventTime + 60 * 86_400_000)
    waiting.push({ workspace: WORKSPACE, endpoint: ENDPOINT, entity: `film-${film}`, value: truth, knownAt })
    const known = waiting.filter((label) => label.knownAt.getTime() <= eventTime)
    if (known.length > 0) await foldLabels(test, deployments, waiting.splice(0, known.length))
    if (await done()) return
  }
}

/** Applies records as the log's reader does: in one transaction, then what they mean. */
export async function fold(
  { platform }: TestRollouts,
  deployments: Deployments,
  records: readonly LogRecord[],
): Promise<void> {
  await inTransaction(platform.db, (tx) => deployments.predictionFold.apply(tx, records))
  await deployments.predictionFold.committed?.(new Set([`${WORKSPACE}/${ENDPOINT}`]))
}

export async function foldLabels(
  { platform }: TestRollouts,
  deployments: Deployments,
  labels: readonly JoinedLabel[],
): Promise<void> {
  await inTransaction(platform.db, (tx) => deployments.labelFold.apply(tx, labels))
  await deployments.labelFold.committed?.(new Set([`${WORKSPACE}/${ENDPOINT}`]))
}

/**
 * What a gateway logs of one visit: the answer, and the mirrors while a rollout is in force. `said`: what each version says, null when it fails;
 * or the champion's and the candidate's.
 */
export function visitOf(
  snapshot: EndpointSnapshot,
  caller: string,
  entity: string,
  eventTime: number,
  ...said: [champion: number | null, candidate: number | null] | [Record<string, number | null>]
): LogRecord[] {
  const { routing } = snapshot
  const champion = snapshot.champion.version
  const tried = triedIn(routing)
  const values =
    said.length === 1
      ? said[0]
      : Object.fromEntries([champion, ...tried].map((each, n) => [each, said[n === 0 ? 0 : 1]]))
  const version = versionFor(snapshot, caller)
  const armOf = (each: string) => (each === champion ? ('champion' as const) : ('candidate' as const))
  const id = uuidv7()
  const common = {
    id,
    workspace: WORKSPACE,
    endpoint: ENDPOINT,
    eventTime,
    caller,
    entities: [entity],
    milliseconds: 2 + 8 * shareOf(`${caller} ${entity}`),
  }
  const outcome = (each: string) => {
    const value = values[each] ?? null
    return { predictions: value === null ? null : [value], error: value === null ? 'failed' : null }
  }
  const answer: AnswerRecord = {
    kind: 'answer',
    ...common,
    arrivedAt: Date.now(),
    requestId: id,
    version,
    runtime: 'onnx',
    rollout: routing.kind === 'single' ? null : { ...rolloutOf(routing), arm: armOf(version) },
    columns: ['budget'],
    rows: [[1]],
    ...outcome(version),
  }
  if (routing.kind === 'single') return [answer]
  const { rollout, stage } = routing
  const mirrors = [champion, ...tried].filter((each) => each !== version)
  return [
    answer,
    ...mirrors.map((each) => ({
      kind: 'mirror' as const,
      ...common,
      version: each,
      rollout: { id: rollout, stage, arm: armOf(each) },
      ...outcome(each),
    })),
  ]
}

function triedIn(routing: EndpointSnapshot['routing']): string[] {
  if (routing.kind === 'single') return []
  return routing.kind === 'split' ? routing.variants.map(({ version }) => version) : [routing.candidate.version]
}

function versionFor({ routing, champion }: EndpointSnapshot, caller: string): string {
  if (routing.kind === 'single' || routing.kind === 'shadow') return champion.version
  const percent = 100 * shareOf(`${routing.salt} ${caller}`)
  const chosen =
    routing.kind === 'canary'
      ? percent < routing.weightPercent && routing.candidate.version
      : routing.parts.find(({ toPercent }) => percent < toPercent)?.version
  return chosen || champion.version
}

function rolloutOf(routing: Exclude<EndpointSnapshot['routing'], { kind: 'single' }>) {
  const { rollout: id, stage } = routing
  if (routing.kind !== 'split')
    return { id, stage, weightPercent: routing.kind === 'canary' ? routing.weightPercent : 0 }
  const weights: Record<string, number> = {}
  let from = 0
  for (const { toPercent, version } of routing.parts) {
    if (version !== null) weights[version] = (weights[version] ?? 0) + toPercent - from
    from = toPercent
  }
  return { id, stage, weightPercent: 0, weights }
}

function shareOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}

/** Events of a rollout, oldest first. */
export async function eventsOf({ platform }: TestRollouts, rollout: string): Promise<EventRecord[]> {
  const events = await listEvents(platform.db, WORKSPACE, { subject: `rollout:${rollout}`, limit: 100 })
  return events.toReversed()
}
