import type { Row } from '../report.ts'
import type { Figures } from './measure.ts'

type Bound = { readonly least: number } | { readonly most: number }

function row(
  claim: string,
  unit: string,
  peer: number | null,
  ours: number,
  better: 'more' | 'less',
  bound: Bound,
  goal?: string,
): Row {
  const met = 'least' in bound ? ours >= bound.least : ours <= bound.most
  const words = 'least' in bound ? `≥ ${round(bound.least)}` : `≤ ${round(bound.most)}`
  return {
    claim,
    peer,
    ours,
    unit,
    ratio: peer === null ? null : better === 'more' ? ours / peer : peer / ours,
    goal: goal ?? words,
    met,
  }
}

const round = (value: number) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))

/** The lines of the table that one model answers. Peers are `mlflow models serve` and, where it says so, the bare server. */
export function judge(model: string, runtime: string, ours: Figures, mlflow: Figures, bare: Figures | null): Row[] {
  return [...rowsOf(model, runtime, ours, mlflow, bare), firstAnswer(model, runtime, ours, mlflow)]
}

/** Of a registered version that nobody served yet: from the declaration of its endpoint; of the peer from the start of its process. */
function firstAnswer(model: string, runtime: string, ours: Figures, mlflow: Figures): Row {
  const most = runtime === 'onnx' ? 1 : 5
  const [theirs, own] = [mlflow.secondsToFirstAnswer, ours.secondsToFirstAnswer]
  return row(`${model} (${runtime}): first answer`, 's', theirs, own, 'less', { most })
}

function rowsOf(model: string, runtime: string, ours: Figures, mlflow: Figures, bare: Figures | null): Row[] {
  const name = `${model} (${runtime})`
  const one = `${name}: 1 row, 64 at a time`
  const batch = (figures: Figures) => Math.max(figures.batch1.perSecond, figures.batch8.perSecond) * 1000
  const cpu = (figures: Figures) => figures.c1.cpuMs
  switch (model) {
    case 'forest': {
      if (!bare) throw new Error('The forest is measured beside the bare server.')
      return [
        row(`${one}, against mlflow`, 'req/s', mlflow.c64.perSecond, ours.c64.perSecond, 'more', { least: 8000 }),
        row(`${one}: p99`, 'ms', mlflow.c64.p99Ms, ours.c64.p99Ms, 'less', { most: 25 }),
        row(
          `${one}, against bare`,
          'req/s',
          bare.c64.perSecond,
          ours.c64.perSecond,
          'more',
          { least: 0.6 * bare.c64.perSecond },
          '≥ 60 % of bare',
        ),
        row(`${name}: CPU a request, against mlflow`, 'ms', cpu(mlflow), cpu(ours), 'less', { most: 0.2 }),
        row(
          `${name}: CPU a request, against bare`,
          'ms',
          cpu(bare),
          cpu(ours),
          'less',
          { most: 1.7 * cpu(bare) },
          '≤ 1.7× bare',
        ),
        row(
          `${name}: CPU a request at 64, against bare`,
          'ms',
          bare.c64.cpuMs,
          ours.c64.cpuMs,
          'less',
          { most: 1.7 * bare.c64.cpuMs },
          '≤ 1.7× bare',
        ),
        row(`${name}: 1,000 rows a request, against mlflow`, 'rows/s', batch(mlflow), batch(ours), 'more', {
          least: batch(mlflow),
        }),
        row(
          `${name}: 1,000 rows a request, against bare`,
          'rows/s',
          batch(bare),
          batch(ours),
          'more',
          { least: 0.85 * batch(bare) },
          '≥ 85 % of bare',
        ),
      ]
    }
    case 'boosting':
      return [
        row(`${name}: CPU a request, against mlflow`, 'ms', cpu(mlflow), cpu(ours), 'less', { most: 0.4 }),
        row(`${one}, against mlflow`, 'req/s', mlflow.c64.perSecond, ours.c64.perSecond, 'more', {
          least: mlflow.c64.perSecond,
        }),
      ]
    case 'keras':
      return [
        row(
          `${one}, against mlflow`,
          'req/s',
          mlflow.c64.perSecond,
          ours.c64.perSecond,
          'more',
          { least: 100 * mlflow.c64.perSecond },
          '≥ 100×',
        ),
      ]
    default:
      return [
        row(
          `${one}, against mlflow`,
          'req/s',
          mlflow.c64.perSecond,
          ours.c64.perSecond,
          'more',
          { least: 10 * mlflow.c64.perSecond },
          '≥ 10×',
        ),
        row(`${one}: p99`, 'ms', mlflow.c64.p99Ms, ours.c64.p99Ms, 'less', { most: 400 }),
        row(
          `${name}: 1,000 rows a request`,
          'rows/s',
          batch(mlflow),
          batch(ours),
          'more',
          { least: 1.7 * batch(mlflow) },
          '≥ 1.7×',
        ),
      ]
  }
}
