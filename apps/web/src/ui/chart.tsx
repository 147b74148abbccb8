import 'uplot/dist/uPlot.min.css'
import { ActionIcon, Tooltip, useComputedColorScheme } from '@mantine/core'
import { IconPhoto, IconTable } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import styles from './chart.module.css'
import { trimmed } from './format.ts'

/** One line; `null` leaves a gap. `band` is drawn around it as its uncertainty. */
export interface Series {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** A colour token without its prefix, as in `candidate`. */
  readonly color: 'champion' | 'candidate' | 'series-1' | 'series-2' | 'series-3' | 'series-4'
  readonly band?: { readonly lower: readonly (number | null)[]; readonly upper: readonly (number | null)[] }
  readonly points?: boolean
  readonly dashed?: boolean
}

export interface Threshold {
  readonly value: number
  readonly label: string
}

export interface ChartProps {
  /** What the chart shows, in a sentence: its caption. */
  readonly caption: string
  /** Common x of all series: milliseconds since 1970 when `time`, else plain numbers. Ascending. */
  readonly x: readonly number[]
  readonly time?: boolean
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
  readonly thresholds?: readonly Threshold[]
  readonly height?: number
}

/** A line chart with uncertainty as bands, margins as named lines, the values at the pointer, and a table of the same numbers. */
export function Chart(props: ChartProps) {
  const [asTable, setAsTable] = useState(false)
  const plot = useRef<uPlot | undefined>(undefined)
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        <span>{props.caption}</span>
        <span className={styles.tools}>
          <Tooltip label={asTable ? 'As chart' : 'As table'}>
            <ActionIcon
              variant="subtle"
              size="sm"
              aria-pressed={asTable}
              aria-label="As table"
              onClick={() => setAsTable(!asTable)}
            >
              <IconTable size={15} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Save as PNG">
            <ActionIcon
              variant="subtle"
              size="sm"
              aria-label="Save as PNG"
              disabled={asTable}
              onClick={() => savePng(plot.current, props.caption)}
            >
              <IconPhoto size={15} />
            </ActionIcon>
          </Tooltip>
        </span>
      </figcaption>
      {asTable ? (
        <Numbers {...props} />
      ) : (
        <Lines
          {...props}
          onPlot={(made) => {
            plot.current = made
          }}
        />
      )}
    </figure>
  )
}

function Lines(props: ChartProps & { readonly onPlot: (plot: uPlot | undefined) => void }) {
  const host = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  const { onPlot } = props
  // Parents make new arrays at each refresh: the text of the data decides whether the chart is drawn anew.
  const content = JSON.stringify([
    props.x,
    props.series,
    props.thresholds,
    props.time,
    props.xLabel,
    props.yLabel,
    props.height,
  ])
  const height = props.height ?? 220

  useEffect(() => {
    const element = host.current
    if (!element) return
    const [x, series, thresholds = [], time = false, xLabel, yLabel] = JSON.parse(content) as [
      number[],
      Series[],
      Threshold[] | null,
      boolean | null,
      string,
      string,
    ]
    const made = new uPlot(
      optionsOf({ element, series, thresholds: thresholds ?? [], time: time ?? false, xLabel, yLabel, height, scheme }),
      dataOf(time ? x.map((at) => at / 1000) : x, series),
      element,
    )
    onPlot(made)
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      made.destroy()
      onPlot(undefined)
    }
  }, [content, height, scheme, onPlot])

  return (
    <>
      <div ref={host} className={styles.plot} style={{ minHeight: height }} aria-hidden />
      <Key series={props.series} />
    </>
  )
}

function Key({ series }: { readonly series: readonly Series[] }) {
  if (series.length < 2) return null
  return (
    <ul className={styles.key}>
      {series.map(({ label, color, dashed }) => (
        <li key={label}>
          <span
            className={styles.swatch}
            style={{ borderTopColor: `var(--tm-${color})`, borderTopStyle: dashed ? 'dashed' : 'solid' }}
            aria-hidden
          />
          {label}
        </li>
      ))}
    </ul>
  )
}

function Numbers(props: ChartProps) {
  const rows = useMemo(() => props.x.map((x, index) => ({ x, index })), [props.x])
  return (
    <div className={styles.numbers} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{props.xLabel}</th>
            {props.series.map(({ label, band }) => (
              <th scope="col" key={label}>
                {label}
                {band ? ' (bounds)' : ''}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ x, index }) => (
            <tr key={x}>
              <td>{props.time ? new Date(x).toISOString().slice(0, 10) : trimmed(x)}</td>
              {props.series.map(({ label, values, band }) => (
                <td key={label}>
                  {show(values[index])}
                  {band ? ` (${show(band.lower[index])} to ${show(band.upper[index])})` : ''}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function show(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : trimmed(value)
}

function dataOf(x: number[], series: readonly Series[]): uPlot.AlignedData {
  return [
    x,
    ...series.flatMap(({ values, band }) => (band ? [values, band.lower, band.upper] : [values])),
  ] as uPlot.AlignedData
}

interface Plan {
  readonly element: HTMLElement
  readonly series: readonly Series[]
  readonly thresholds: readonly Threshold[]
  readonly time: boolean
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
    scales: { x: { time: plan.time }, y: { range: (_, low, high) => padded(low, high, plan.thresholds) } },
    axes: [
      { ...axis, label: plan.xLabel, labelSize: 20, labelFont: axis.font },
      { ...axis, label: plan.yLabel, labelSize: 20, labelFont: axis.font, size: 56 },
    ],
    legend: { show: false },
    cursor: { drag: { x: true, y: false } },
    plugins: [thresholdLines(plan.thresholds, token), readout(plan)],
  }
}

/** Room above and below the data and the named lines. */
function padded(low: number, high: number, thresholds: readonly Threshold[]): [number, number] {
  const values = [low, high, ...thresholds.map(({ value }) => value)].filter(Number.isFinite)
  if (values.length === 0) return [0, 1]
  const least = Math.min(...values)
  const most = Math.max(...values)
  const room = (most - least || Math.abs(most) || 1) * 0.08
  return [least - room, most + room]
}

function thresholdLines(thresholds: readonly Threshold[], token: (name: string) => string): uPlot.Plugin {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot
        ctx.save()
        for (const { value, label } of thresholds) {
          const y = plot.valToPos(value, 'y', true)
          ctx.strokeStyle = token('watch')
          ctx.fillStyle = token('watch')
          ctx.setLineDash([6, 4])
          ctx.lineWidth = devicePixelRatio
          ctx.beginPath()
          ctx.moveTo(bbox.left, y)
          ctx.lineTo(bbox.left + bbox.width, y)
          ctx.stroke()
          ctx.font = `${11 * devicePixelRatio}px ${token('sans')}`
          ctx.textAlign = 'right'
          ctx.fillText(label, bbox.left + bbox.width - 4 * devicePixelRatio, y - 4 * devicePixelRatio)
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
        const lines = [plan.time ? new Date(x * 1000).toISOString().slice(0, 10) : `${plan.xLabel} ${trimmed(x)}`]
        for (const { label, values, band } of plan.series) {
          lines.push(
            `${label}: ${show(values[index])}${band ? ` (${show(band.lower[index])} to ${show(band.upper[index])})` : ''}`,
          )
        }
        box.textContent = lines.join('\n')
      },
    },
  }
}

function savePng(plot: uPlot | undefined, caption: string): void {
  const canvas = plot?.ctx.canvas
  if (!canvas) return
  const link = document.createElement('a')
  link.download = `${caption.replace(/[^\w]+/g, '-').slice(0, 60)}.png`
  link.href = canvas.toDataURL('image/png')
  link.click()
}
