import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import styles from './chart.module.css'
import { type ChartProps, DEFAULT_HEIGHT, type Moment, type Series, type Threshold } from './chart-types.ts'
import { instantOnAxis, shown, trimmed } from './format.ts'

/** The drawing of a chart, by uPlot. Drag zooms, a double click shows all again, a click pins the values at the pointer. */
export function Lines(props: ChartProps & { readonly onCanvas: (canvas: HTMLCanvasElement | undefined) => void }) {
  const host = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  const { onCanvas } = props
  // Parents make new arrays at each refresh: the text of the data decides whether the chart is drawn anew.
  const content = JSON.stringify([
    props.x,
    props.series,
    props.thresholds,
    props.time,
    props.xLabel,
    props.yLabel,
    props.fromZero,
    props.moments,
    props.span,
    props.room,
  ])
  const height = props.height ?? DEFAULT_HEIGHT

  useEffect(() => {
    const element = host.current
    if (!element) return
    const [x, series, thresholds, time, xLabel, yLabel, fromZero, moments, span, room] = JSON.parse(content) as [
      number[],
      Series[],
      Threshold[] | null,
      boolean | null,
      string,
      string,
      boolean | null,
      Moment[] | null,
      [number, number] | null,
      number | null,
    ]
    const made = new uPlot(
      optionsOf({
        element,
        x,
        series,
        thresholds: thresholds ?? [],
        time: time ?? false,
        fromZero: fromZero ?? false,
        moments: moments ?? [],
        span,
        room,
        xLabel,
        yLabel,
        height,
        scheme,
      }),
      dataOf(time ? x.map((at) => at / 1000) : x, series),
      element,
    )
    onCanvas(made.ctx.canvas)
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      made.destroy()
      onCanvas(undefined)
    }
  }, [content, height, scheme, onCanvas])

  return <div ref={host} className={styles.plot} style={{ minHeight: height }} aria-hidden />
}

function dataOf(x: number[], series: readonly Series[]): uPlot.AlignedData {
  return [
    x,
    ...series.flatMap(({ values, band }) => (band ? [values, band.lower, band.upper] : [values])),
  ] as uPlot.AlignedData
}

interface Plan {
  readonly x: readonly number[]
  readonly element: HTMLElement
  readonly series: readonly Series[]
  readonly thresholds: readonly Threshold[]
  readonly time: boolean
  readonly fromZero: boolean
  readonly moments: readonly Moment[]
  readonly span: readonly [number, number] | null
  readonly room: number | null
  readonly xLabel: string
  readonly yLabel: string
  readonly height: number
  readonly scheme: 'light' | 'dark'
}

function optionsOf(plan: Plan): uPlot.Options {
  const style = getComputedStyle(plan.element)
  const token = (name: string) => style.getPropertyValue(`--tm-${name}`).trim()
  const axis = {
    stroke: token('text-dim'),
    grid: { stroke: token('border'), width: 1 },
    ticks: { stroke: token('border') },
    font: `11px ${token('sans')}`,
  }
  const lines: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  for (const { label, color, band, points, dashed } of plan.series) {
    const stroke = token(color)
    lines.push({
      label,
      stroke,
      width: 2,
      points: { show: points ?? false, size: 6, fill: stroke },
      ...(dashed ? { dash: [5, 4] } : {}),
    })
    if (band) {
      const upper = lines.length + 1
      lines.push(
        { label: `${label}, lower`, stroke: 'transparent', points: { show: false } },
        { label: `${label}, upper`, stroke: 'transparent', points: { show: false } },
      )
      bands.push({ series: [upper, upper - 1], fill: `color-mix(in srgb, ${stroke} 18%, transparent)` })
    }
  }
  return {
    width: plan.element.clientWidth || 600,
    height: plan.height,
    series: lines,
    bands,
    scales: { x: { time: plan.time, ...spanOf(plan) }, y: { range: (_, low, high) => padded(low, high, plan) } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    axes: [
      {
        ...axis,
        ...(plan.time ? { values: TIME_LABELS, space: 72 } : {}),
        label: plan.xLabel,
        labelSize: 16,
        labelGap: 0,
        size: plan.time ? 38 : 28,
        labelFont: axis.font,
      },
      { ...axis, label: plan.yLabel, labelSize: 20, labelFont: axis.font, size: 56 },
    ],
    legend: { show: false },
    padding: [plan.moments.length > 0 ? 18 : 8, plan.room ?? roomFor(plan.thresholds), 0, 0],
    cursor: { drag: { x: true, y: false }, lock: true, points: { size: 7 } },
    plugins: [thresholdLines(plan.thresholds, token), momentLines(plan, token), readout(plan)],
  }
}

/** CSS pixels that the names of the lines take on the right; 11-px letters are about 6 wide. */
function roomFor(thresholds: readonly Threshold[]): number {
  return Math.max(16, ...thresholds.map(({ label }) => label.length * 6 + 12))
}

const DAY_SECONDS = 86_400
/** Labels of a time axis in UTC by the distance of its ticks: [seconds, label, label where the year or day changes …]. */
const TIME_LABELS: uPlot.Axis.Values = [
  [DAY_SECONDS * 365, '{YYYY}', null, null, null, null, null, null, 1],
  [DAY_SECONDS * 28, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [DAY_SECONDS, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [3600, '{HH}:00', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
]

/**
 * Room above and below the data and the named lines. Bounds that begin wide, before there is evidence, are cut off at the edge: they would press
 * everything that came later into a line.
 */
function padded(low: number, high: number, { thresholds, series, fromZero }: Plan): [number, number] {
  const shown = series.flatMap(({ values, band }) =>
    band ? [...values, ...laterHalf(band.lower), ...laterHalf(band.upper)] : [],
  )
  const focus = shown.filter((value) => value !== null)
  const [from, to] =
    focus.length === 0 ? [low, high] : [Math.max(low, Math.min(...focus)), Math.min(high, Math.max(...focus))]
  const values = [from, to, ...thresholds.map(({ value }) => value)].filter(Number.isFinite)
  if (values.length === 0) return [0, 1]
  const least = Math.min(...values)
  const most = Math.max(...values)
  const room = (most - least || Math.abs(most) || 1) * 0.08
  return [fromZero ? 0 : least - room, most + room]
}

function laterHalf<T>(values: readonly T[]): readonly T[] {
  return values.slice(Math.floor(values.length / 2))
}

function thresholdLines(thresholds: readonly Threshold[], token: (name: string) => string): uPlot.Plugin {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot
        ctx.save()
        const lines = thresholds.map((line) => ({ ...line, y: plot.valToPos(line.value, 'y', true) }))
        // Names of lines that lie close together stand below one another.
        let above = Number.NEGATIVE_INFINITY
        for (const { y, label, plain } of lines.sort((a, b) => a.y - b.y)) {
          const place = Math.max(y, above + 13 * devicePixelRatio)
          above = place
          ctx.strokeStyle = token(plain ? 'border-strong' : 'watch')
          ctx.setLineDash([6, 4])
          ctx.lineWidth = devicePixelRatio
          ctx.beginPath()
          ctx.moveTo(bbox.left, y)
          ctx.lineTo(bbox.left + bbox.width, y)
          ctx.stroke()
          ctx.font = `${11 * devicePixelRatio}px ${token('sans')}`
          // Beside the data, not over it: room is kept for it on the right.
          ctx.textAlign = 'left'
          ctx.textBaseline = 'middle'
          ctx.fillStyle = token(plain ? 'text-dim' : 'watch')
          ctx.fillText(label, bbox.left + bbox.width + 6 * devicePixelRatio, place)
        }
        ctx.restore()
      },
    },
  }
}

function spanOf({ span, time, x }: Plan): Pick<uPlot.Scale, 'range'> {
  if (!span) return {}
  const scale = time ? 1000 : 1
  const [first, last] = [(x[0] ?? 0) / scale, (x.at(-1) ?? 0) / scale]
  // The span stands for the whole of the data; what one zoomed to is shown as it is.
  return { range: (_, low, high) => (low <= first && high >= last ? [span[0] / scale, span[1] / scale] : [low, high]) }
}

/** What happened, as upright lines with their names on top; a name that would stand on the one before it is left out. */
function momentLines({ moments, time }: Plan, token: (name: string) => string): uPlot.Plugin {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot
        ctx.save()
        ctx.textAlign = 'left'
        let taken = Number.NEGATIVE_INFINITY
        for (const { x, label, tone } of moments) {
          const at = plot.valToPos(time ? x / 1000 : x, 'x', true)
          if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) continue
          ctx.strokeStyle = token(tone)
          ctx.lineWidth = devicePixelRatio
          ctx.beginPath()
          ctx.moveTo(at, bbox.top)
          ctx.lineTo(at, bbox.top + bbox.height)
          ctx.stroke()
          ctx.font = `${11 * devicePixelRatio}px ${token('sans')}`
          const width = ctx.measureText(label).width
          const left = Math.min(at, bbox.left + bbox.width - width)
          if (left < taken) continue
          ctx.fillStyle = token(tone)
          ctx.textBaseline = 'bottom'
          ctx.fillText(label, left, bbox.top - 3 * devicePixelRatio)
          taken = left + width + 6 * devicePixelRatio
        }
        ctx.restore()
      },
    },
  }
}

/** All series' values at the pointer's x. */
function readout(plan: Plan): uPlot.Plugin {
  const box = document.createElement('div')
  box.className = styles.readout ?? ''
  return {
    hooks: {
      init: (plot) => {
        plot.over.appendChild(box)
        plot.over.addEventListener('mouseleave', () => {
          box.style.display = 'none'
        })
      },
      setCursor: (plot) => {
        const index = plot.cursor.idx
        if (index === null || index === undefined) return
        const x = plot.data[0][index]
        if (x === undefined) return
        box.style.display = 'block'
        box.style.left = (plot.cursor.left ?? 0) > plot.over.clientWidth / 2 ? '8px' : 'auto'
        box.style.right = (plot.cursor.left ?? 0) > plot.over.clientWidth / 2 ? 'auto' : '8px'
        const lines = [plan.time ? instantOnAxis(x * 1000, plan.x) : `${plan.xLabel} ${trimmed(x)}`]
        for (const { label, values, band } of plan.series) {
          lines.push(
            `${label}: ${shown(values[index])}${band ? ` (${shown(band.lower[index])} to ${shown(band.upper[index])})` : ''}`,
          )
        }
        box.textContent = lines.join('\n')
      },
    },
  }
}
