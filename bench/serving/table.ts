import type { Row } from '../report.ts'
import type { Figures } from './measure.ts'

/** A figure of a server, and in which direction it is better. */
interface Measure {
  readonly what: string
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly of: (figures: Figures) => number
}

const AT_64: Measure = { what: '1 row, 64 at a time', unit: 'req/s', better: 'more', of: ({ c64 }) => c64.perSecond }
const P99_AT_64: Measure = { what: '1 row, 64 at a time: p99', unit: 'ms', better: 'less', of: ({ c64 }) => c64.p99Ms }
const CPU: Measure = { what: 'CPU a request', unit: 'ms', better: 'less', of: ({ c1 }) => c1.cpuMs }
const CPU_AT_64: Measure = { what: 'CPU a request at 64', unit: 'ms', better: 'less', of: ({ c64 }) => c64.cpuMs }
const BATCH: Measure = {
  what: '1,000 rows a request',
  unit: 'rows/s',
  better: 'more',
  of: ({ batch1, batch8 }) => Math.max(batch1.perSecond, batch8.perSecond) * 1000,
}
/** Of a registered version that nobody served yet: from the declaration of its endpoint; of the peer from the start of its process. */
const FIRST_ANSWER: Measure = {
  what: 'first answer',
  unit: 's',
  better: 'less',
  of: ({ secondsToFirstAnswer }) => secondsToFirstAnswer,
}

/** A bound in the measure's own unit, or a factor of the peer's figure, in words unless the figure itself says enough. */
type Goal = { readonly bound: number } | { readonly factor: number; readonly words?: string }

/** The lines of the table that one model answers. Peers are `mlflow models serve` and, where it says so, the bare server. */
export function judge(model: string, runtime: string, ours: Figures, mlflow: Figures, bare: Figures | null): Row[] {
  const row = (measure: Measure, peer: Figures, goal: Goal, against = ''): Row => {
    const [theirs, own] = [measure.of(peer), measure.of(ours)]
    const bound = 'bound' in goal ? goal.bound : goal.factor * theirs
    const words = ('words' in goal && goal.words) || String(round(bound))
    const judged =
      measure.better === 'more'
        ? { ratio: own / theirs, goal: `≥ ${words}`, met: own >= bound }
        : { ratio: theirs / own, goal: `≤ ${words}`, met: own <= bound }
    return {
      claim: `${model} (${runtime}): ${measure.what}${against}`,
      peer: theirs,
      ours: own,
      unit: measure.unit,
      ...judged,
    }
  }
  const toMlflow = (measure: Measure, goal: Goal) => row(measure, mlflow, goal, ', against mlflow')
  const toBare = (measure: Measure, goal: Goal) => {
    if (!bare) throw new Error(`The ${model} is measured beside the bare server.`)
    return row(measure, bare, goal, ', against bare')
  }
  const rows = (): Row[] => {
    switch (model) {
      case 'forest':
        return [
          toMlflow(AT_64, { bound: 8000 }),
          row(P99_AT_64, mlflow, { bound: 25 }),
          toBare(AT_64, { factor: 0.6, words: '60 % of bare' }),
          toMlflow(CPU, { bound: 0.2 }),
          toBare(CPU, { factor: 1.7, words: '1.7× bare' }),
          toBare(CPU_AT_64, { factor: 1.7, words: '1.7× bare' }),
          toMlflow(BATCH, { factor: 1 }),
          toBare(BATCH, { factor: 0.85, words: '85 % of bare' }),
        ]
      case 'boosting':
        return [toMlflow(CPU, { bound: 0.4 }), toMlflow(AT_64, { factor: 1 })]
      case 'keras':
        return [toMlflow(AT_64, { factor: 100, words: '100×' })]
      default:
        return [
          toMlflow(AT_64, { factor: 10, words: '10×' }),
          row(P99_AT_64, mlflow, { bound: 400 }),
          row(BATCH, mlflow, { factor: 1.7, words: '1.7×' }),
        ]
    }
  }
  return [...rows(), row(FIRST_ANSWER, mlflow, { bound: runtime === 'onnx' ? 1 : 5 })]
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
