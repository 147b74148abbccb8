import { endpointDeclared, type LoggedPrediction, type WhyFact } from '@tidemark/contracts'
import { listEvents, type Queryable } from '../../platform/index.ts'
import { approvalsOf, waiversOf } from '../store.ts'
import type { GovernancePorts, Subject } from '../types.ts'

/** What is known of a version: how it came to be, and who let it in. */
export async function versionFacts(
  db: Queryable,
  ports: GovernancePorts,
  workspace: string,
  subject: { model: string; version: number; endpoint: string | null },
): Promise<WhyFact[]> {
  const { model, version } = subject
  const ref = `${model}/${version}`
  const found = await ports.registry.origin(db, workspace, model, version)
  const pipelineRun = await ports.pipelines.runOfVersion(db, workspace, model, version)
  const origin = found?.origin
  return [
    fact('Model version', ref, `/models/${model}/${version}`),
    ...optional('Run', found?.runId, (id) => `/runs/${id}`),
    ...optional('Pipeline run', pipelineRun, (id) => `/pipeline-runs/${id}`),
    ...optional('Data version', origin?.dataset, (dataset) => `/data/${dataset.split('/')[0]}`),
    ...optional('Commit', origin?.gitCommit),
    fact('Uncommitted patch', origin?.gitPatch ?? 'none'),
    ...optional('Environment lock', origin?.lock),
    ...optional('Seed', origin?.seed),
    ...(subject.endpoint === null
      ? []
      : await admissionFacts(db, ports, workspace, { model, version, endpoint: subject.endpoint })),
  ]
}

/** Gates, approval and waiver of a version for an endpoint. */
async function admissionFacts(
  db: Queryable,
  ports: GovernancePorts,
  workspace: string,
  subject: Subject,
): Promise<WhyFact[]> {
  const { model, version, endpoint } = subject
  const gates = await ports.evaluation.latestGates(db, workspace, subject)
  const ours = (each: Subject) => each.model === model && each.version === version
  const approvals = (await approvalsOf(db, workspace, { endpoint, limit: 500 })).filter(ours)
  const waivers = (await waiversOf(db, workspace, { endpoint, limit: 500 })).filter(ours)
  const verdicts = gates?.gates.map((gate) => `${words(gate.name)} ${words(gate.verdict)}`).join(', ')
  return [
    gates
      ? fact('Gates', `${gates.state}: ${verdicts}`, `/models/${model}/${version}`)
      : fact('Gates', 'none: it was the endpoint’s first version, put there by hand'),
    ...(approvals.length === 0 ? await firstVersionFact(db, workspace, subject) : []),
    ...approvals.slice(0, 1).map((approval) => {
      const by = approval.by ? ` by ${approval.by.id}: ${approval.reason}` : ''
      return fact('Approval', `${approval.state}${by}`, '/governance')
    }),
    ...waivers.slice(0, 1).map((waiver) => {
      return fact('Waiver', `${waiver.gates.map(words).join(', ')} by ${waiver.by.id}: ${waiver.reason}`, '/governance')
    }),
  ]
}

/** An endpoint's first version needs no gates: whoever declared the endpoint with it has let it in. */
async function firstVersionFact(db: Queryable, workspace: string, subject: Subject): Promise<WhyFact[]> {
  const [declared] = await listEvents(db, workspace, {
    type: endpointDeclared.type,
    subject: `endpoint:${subject.endpoint}`,
    limit: 1,
  })
  if (!declared || declared.payload.version !== subject.version) return []
  return [
    fact('Approval', `by ${declared.actor.id}, who declared the endpoint with it`, `/governance/why/${declared.id}`),
  ]
}

/** What the log says of one answer. */
export function predictionFacts({ answer, mirror }: LoggedPrediction): WhyFact[] {
  const { endpoint, eventTime, arrivedAt, entities, predictions, error, rollout, runtime, milliseconds } = answer
  const named = entities.filter((entity) => entity !== null)
  return [
    fact('Endpoint', endpoint, `/endpoints/${endpoint}`),
    fact('Answer', predictions === null ? `failed: ${error ?? 'unknown'}` : told(predictions)),
    ...(named.length > 0 ? [fact('About', named.join(', '))] : []),
    fact('Event time', new Date(eventTime).toISOString()),
    fact('Arrived', new Date(arrivedAt).toISOString()),
    fact('Answered in', `${milliseconds.toFixed(1)} ms, ${runtime === 'onnx' ? 'ONNX' : 'Python'}`),
    ...(rollout
      ? [
          fact(
            'Rollout',
            `as ${rollout.arm}, with the candidate at ${rollout.weightPercent} %`,
            `/rollouts/${rollout.id}`,
          ),
        ]
      : []),
    ...(mirror
      ? [
          fact(
            'Other version',
            `${mirror.version}: ${(mirror.predictions && told(mirror.predictions)) ?? mirror.error ?? 'failed'}`,
          ),
        ]
      : []),
  ]
}

/** Plain values as they are, lists and records as JSON. */
function told(predictions: NonNullable<LoggedPrediction['answer']['predictions']>): string {
  return predictions.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))).join(', ')
}

function fact(label: string, value: string, link: string | null = null): WhyFact {
  return { label, value, link }
}

function optional(label: string, value: string | null | undefined, link?: (value: string) => string): WhyFact[] {
  return value ? [fact(label, value, link?.(value) ?? null)] : []
}

function words(name: string): string {
  return name.replaceAll('_', ' ')
}
