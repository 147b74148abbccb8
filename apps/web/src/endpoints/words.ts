import type { Guardrail, JsonValue, Observed, Rollout, RolloutState, TrafficRange } from '@tidemark/contracts'
import { sentence, type Tone, trimmed } from '../ui/index.ts'

/** A predicted or true value as a person reads it. */
export function answerText(value: JsonValue): string {
  if (value === null) return '—'
  if (typeof value === 'number') return trimmed(value)
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Where a version runs. */
export function runsWhere(runtime: 'onnx' | 'python'): string {
  return runtime === 'onnx' ? 'as ONNX in the gateway' : 'in Python workers'
}

/** Spans of traffic that can be chosen, the shortest first. */
export const SPANS: Readonly<Record<TrafficRange, string>> = {
  '1h': '1 hour',
  '6h': '6 hours',
  '24h': '24 hours',
  '7d': '7 days',
  '14d': '14 days',
}

/** A rollout's state as chip and word. */
export function stateOf(state: RolloutState): { readonly tone: Tone; readonly word: string } {
  switch (state.kind) {
    case 'queued':
      return { tone: 'unknown', word: 'waiting its turn' }
    case 'shadow':
      return { tone: 'accent', word: 'shadow' }
    case 'canary':
      return { tone: 'accent', word: `canary, ${state.weightPercent} %` }
    case 'ab':
      return { tone: 'accent', word: `A/B, ${state.weights.map((each) => `${each.weightPercent} %`).join(' and ')}` }
    case 'promoted':
      return {
        tone: state.proof === 'non-inferiority proven' ? 'good' : 'watch',
        word: state.proof === 'non-inferiority proven' ? 'promoted' : 'promoted without proof',
      }
    case 'rolled_back':
      return { tone: 'harm', word: `rolled back (${state.guardrail})` }
    case 'observed':
      return { tone: state.verdict === 'not worse' ? 'good' : 'unknown', word: `observed, ${state.verdict}` }
    case 'dropped':
      return { tone: 'unknown', word: 'dropped' }
  }
}

const NAMES: Readonly<Record<Guardrail['name'], string>> = {
  errors: 'Errors of callers',
  failures: 'Failures on the same thing',
  loss: 'Loss on labelled things',
  latency: 'Slow answers',
  disagreement: 'Disagreement on the same thing',
}

export function guardrailName(name: Guardrail['name']): string {
  return NAMES[name]
}

/** What a guardrail says so far, in a sentence with its numbers. */
export function guardrailSentence(guardrail: Guardrail): string {
  const { units, unit, difference, lower, upper, margin, proven } = guardrail
  if (units === 0) return `Nothing seen yet; one piece of evidence is a ${unit}.`
  const counted = `${units.toLocaleString('en')} ${units === 1 ? unit : unit.replace(/caller|thing/, '$&s')}`
  const bounds = lower === null || upper === null ? '' : `, surely between ${trimmed(lower)} and ${trimmed(upper)}`
  const seen = difference === null ? 'no difference can be given yet' : `difference ${trimmed(difference)}${bounds}`
  return `${counted}: ${seen}. ${proven ? `More harm than the margin of ${trimmed(margin)} is excluded.` : `More harm than the margin of ${trimmed(margin)} is not excluded yet.`}`
}

/** How often two versions answer the same thing differently. */
export function disagreementSentence(
  { version, disagreement }: Observed & { version: number },
  champion: number,
): string {
  const { things, tolerance, share, lower, upper } = disagreement
  const how = tolerance > 0 ? `more than ${trimmed(tolerance)} apart` : 'differently'
  const bounds = lower === null || upper === null ? '' : `, surely between ${percent(lower)} and ${percent(upper)}`
  return `Versions ${version} and ${champion} answer ${percent(share ?? 0)} of ${things.toLocaleString('en')} things ${how}${bounds}.`
}

/** Whether two versions' predictions, taken together, are distributed otherwise. */
export function distributionSentence({ distribution }: Observed): string {
  if (distribution === null) return ''
  const { distance, eValue, needs } = distribution
  const evidence = `(e = ${trimmed(eValue)}; sure from ${trimmed(needs)} on)`
  return eValue >= needs
    ? `Their predictions are surely distributed otherwise ${evidence}: ${percent(distance)} of them lie elsewhere so far. That is no harm in itself.`
    : `Nothing proves yet that their predictions are distributed otherwise ${evidence}.`
}

function percent(share: number): string {
  return `${trimmed(100 * share)} %`
}

/** Whether a rollout is still under way, or waits its turn. */
export function isOpen({ state }: Pick<Rollout, 'state'>): boolean {
  return state.kind === 'queued' || state.kind === 'shadow' || state.kind === 'canary' || state.kind === 'ab'
}

/** The page's sentence for a rollout. */
export function rolloutSentence(rollout: Rollout): string {
  const { state, version, championVersion, progress } = rollout
  switch (state.kind) {
    case 'queued':
      return `Version ${version} waits until the rollout before it has ended.`
    case 'shadow':
      return `Version ${version} predicts everything and answers nobody: ${progress.pairs} things were predicted by both, ${progress.labelledPairs} of them have a label.`
    case 'canary':
      return `Version ${version} answers ${state.weightPercent} % of callers beside version ${championVersion}; ${progress.callersAtStep} callers were seen at this step.`
    default:
      return sentence(rollout.reason)
  }
}
