import type { LatencyEstimate, LatencyPoint, Rollout, RolloutDecision, RolloutStage } from '@tidemark/contracts'
import { Chart, type Moment, Section, type Series, trimmed } from '../ui/index.ts'
import { guardrailName } from './words.ts'

/** Pixels for the names of lines, the same in all charts of the course: they share one time axis. */
const ROOM = 124
const ORDER = ['loss', 'errors', 'failures', 'latency', 'disagreement'] as const
const COLORS: readonly Series['color'][] = ['candidate', 'series-1', 'series-2', 'series-4']

/** The course of a rollout on one time axis: who had which share, what was decided, and the evidence as it narrowed. */
export function Course({ rollout }: { readonly rollout: Rollout }) {
  const span = spanOf(rollout)
  if (!span) return null
  const shares = sharesOf(rollout, span)
  const axis = { time: true, span, room: ROOM, xLabel: 'Event time' } as const
  return (
    <Section
      title="Its course"
      note="One time axis, of event time in UTC. Bands are confidence sequences: they hold at every look, however often one looks. Below the margin the version is proven to be no worse than allowed; above zero it is surely worse."
    >
      <Chart
        caption="Share of callers, and what was decided"
        {...axis}
        height={150}
        fromZero
        x={shares.x}
        yLabel="Percent"
        series={shares.series}
        thresholds={[{ value: 100, label: 'all callers', plain: true }]}
        moments={momentsOf(rollout.decisions)}
      />
      {evidenceOf(rollout).map(({ key, name, version, margin, points }) => (
        <Chart
          key={key}
          caption={captionOf(name, version, points.at(-1)?.units ?? 0)}
          {...axis}
          height={180}
          x={points.map(({ at }) => Date.parse(at))}
          yLabel={name === 'disagreement' ? 'Share' : 'Difference'}
          series={[
            {
              label: name === 'disagreement' ? 'differ' : 'difference',
              color: 'candidate',
              points: points.length === 1,
              values: points.map(({ difference }) => difference),
              band: { lower: points.map(({ lower }) => lower), upper: points.map(({ upper }) => upper) },
            },
          ]}
          thresholds={[
            { value: 0, label: name === 'disagreement' ? 'none' : 'no difference', plain: true },
            ...(margin === undefined ? [] : [{ value: margin, label: `margin ${trimmed(margin)}` }]),
          ]}
        />
      ))}
      {rollout.observed.map(({ version, latency }) => {
        const points =
          latency?.points.filter(({ champion, candidate }) => champion !== null && candidate !== null) ?? []
        if (latency === null || points.length < 2) return null
        return (
          <Chart
            key={version}
            caption={`Milliseconds that ${trimmed(100 * latency.quantile)} % of answers stay below, one answer a caller: version ${version} over ${counted(latency.candidate)}, the champion over ${counted(latency.champion)}; where a band reaches the top its upper end is not known yet`}
            {...axis}
            height={180}
            x={points.map(({ at }) => Date.parse(at))}
            yLabel="Milliseconds"
            series={[
              latencySeries(
                'champion',
                points.map(({ champion }) => champion),
                topOf(points),
              ),
              latencySeries(
                'candidate',
                points.map(({ candidate }) => candidate),
                topOf(points),
                `version ${version}`,
              ),
            ]}
          />
        )
      })}
    </Section>
  )
}

function captionOf(name: (typeof ORDER)[number], version: number | null, units: number): string {
  const which = version === null ? 'candidate' : `version ${version}`
  const evidence = `after ${units.toLocaleString('en')} pieces of evidence`
  return name === 'disagreement'
    ? `${guardrailName(name)}: share of things that ${which} answers otherwise than the champion, ${evidence}`
    : `${guardrailName(name)}: ${which} minus champion, ${evidence}`
}

/** A little above all that is known. */
function topOf(points: readonly LatencyPoint[]): number {
  const known = points.flatMap(({ champion, candidate }) => [champion, candidate]).flatMap((each) => each ?? [])
  return 1.1 * Math.max(...known.map(({ value, upper }) => Math.max(value, upper ?? value)))
}

/** A band without an upper end yet goes to the top of the chart. */
function latencySeries(
  color: 'champion' | 'candidate',
  estimates: readonly (LatencyEstimate | null)[],
  top: number,
  label: string = color,
): Series {
  return {
    label,
    color,
    values: estimates.map((each) => each?.value ?? null),
    band: {
      lower: estimates.map((each) => each?.lower ?? null),
      upper: estimates.map((each) => each && (each.upper ?? top)),
    },
  }
}

function counted(estimate: LatencyEstimate | null): string {
  return `${(estimate?.units ?? 0).toLocaleString('en')} callers`
}

/** A stage's event time. The first one begins before any event: with the first, then. */
function timeOf(rollout: Rollout, { eventTime, at }: RolloutStage): number {
  return Date.parse(eventTime ?? rollout.eventTimeFrom ?? at)
}

function spanOf(rollout: Rollout): [number, number] | null {
  const { timeline, points, eventTimeFrom, eventTimeTo } = rollout
  const times = [
    ...timeline.map((stage) => timeOf(rollout, stage)),
    ...points.map(({ at }) => Date.parse(at)),
    ...[eventTimeFrom, eventTimeTo].flatMap((at) => (at === null ? [] : [Date.parse(at)])),
  ]
  if (times.length === 0) return null
  const [from, to] = [Math.min(...times), Math.max(...times)]
  return [from, Math.max(to, from + 60_000)]
}

/** The shares as steps: each change is two points, one millisecond apart. */
function sharesOf(rollout: Rollout, [from, to]: readonly [number, number]) {
  const versions = [...new Set(rollout.timeline.flatMap(({ weights }) => weights.map(({ version }) => version)))]
  const shown = versions.length > 0 ? versions : [rollout.version]
  const changes = rollout.timeline.map((stage) => ({ at: timeOf(rollout, stage), stage }))
  const x = [from]
  const values = shown.map(() => [0])
  for (const { at, stage } of changes) {
    const place = Math.max(at, (x.at(-1) ?? from) + 1)
    x.push(place, place + 1)
    for (const [index, version] of shown.entries()) {
      const line = values[index]
      line?.push(line.at(-1) ?? 0, shareOf(rollout, stage, version))
    }
  }
  x.push(Math.max(to, (x.at(-1) ?? to) + 1))
  for (const line of values) line.push(line.at(-1) ?? 0)
  const series = shown.map(
    (version, index): Series => ({
      label: `version ${version}`,
      color: COLORS[index] ?? 'candidate',
      values: values[index] ?? [],
    }),
  )
  return { x, series }
}

function shareOf({ state, version: candidate }: Rollout, stage: RolloutStage, version: number): number {
  if (stage.kind === 'end') return state.kind === 'promoted' && version === candidate ? 100 : 0
  return stage.weights.find((each) => each.version === version)?.weightPercent ?? 0
}

const MOMENTS: Readonly<
  Partial<Record<RolloutDecision['kind'], { readonly word: string; readonly tone: Moment['tone'] }>>
> = {
  shift: { word: 'next step', tone: 'accent' },
  promote: { word: 'promoted', tone: 'good' },
  roll_back: { word: 'rolled back', tone: 'harm' },
  pause: { word: 'paused', tone: 'watch' },
  resume: { word: 'resumed', tone: 'accent' },
  finish: { word: 'finished', tone: 'good' },
}

function momentsOf(decisions: readonly RolloutDecision[]): Moment[] {
  return decisions
    .flatMap(({ kind, eventTime, decidedAt }) => {
      const moment = MOMENTS[kind]
      return moment ? [{ x: Date.parse(eventTime ?? decidedAt), label: moment.word, tone: moment.tone }] : []
    })
    .sort((a, b) => a.x - b.x)
}

/** What was measured over time, guardrail by guardrail and version by version; the one that decides most first. */
function evidenceOf({ points, guardrails }: Rollout) {
  const versions = [...new Set(points.map(({ version }) => version ?? null))]
  return ORDER.flatMap((name) =>
    versions.map((version) => ({
      key: `${name}:${version}`,
      name,
      version,
      margin: guardrails.find((each) => each.name === name && (each.version ?? null) === version)?.margin,
      points: points
        .filter((point) => point.guardrail === name && (point.version ?? null) === version && point.difference !== null)
        .sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
    })),
  ).filter((each) => each.points.length > 1)
}
