import { ActionIcon, Tooltip } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconCheck, IconLink, IconPhoto, IconTable } from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense, useCallback, useMemo, useRef, useState } from 'react'
import styles from './chart.module.css'
import { type ChartProps, DEFAULT_HEIGHT, type Series } from './chart-types.ts'
import { instantOnAxis, shown, trimmed } from './format.ts'

export type { Moment, Series } from './chart-types.ts'

// uPlot is loaded with the first chart, not with the first page.
const Lines = lazy(() => import('./lines.tsx').then((module) => ({ default: module.Lines })))

/** A line chart with uncertainty as bands, margins as named lines, the values at the pointer, and a table of the same numbers. */
export function Chart(props: ChartProps) {
  const [asTable, setAsTable] = useState(false)
  const canvas = useRef<HTMLCanvasElement | undefined>(undefined)
  const onCanvas = useCallback((made: HTMLCanvasElement | undefined) => {
    canvas.current = made
  }, [])
  const height = props.height ?? DEFAULT_HEIGHT
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        <span>{props.caption}</span>
        <span className={styles.tools}>
          <Tool
            label="As table"
            pressed={asTable}
            onClick={() => setAsTable(!asTable)}
            icon={<IconTable size={15} />}
          />
          <CopyImage disabled={asTable} of={canvas} name={props.caption} />
          <CopyLink />
        </span>
      </figcaption>
      {asTable ? (
        <Numbers {...props} />
      ) : (
        <>
          <Suspense fallback={<div className={styles.plot} style={{ minHeight: height }} aria-busy="true" />}>
            <Lines {...props} onCanvas={onCanvas} />
          </Suspense>
          <Key series={props.series} />
        </>
      )}
    </figure>
  )
}

function Tool(props: {
  readonly label: string
  readonly icon: ReactNode
  readonly onClick: () => void
  readonly pressed?: boolean
  readonly disabled?: boolean
}) {
  return (
    <Tooltip label={props.label}>
      <ActionIcon
        variant={props.pressed ? 'light' : 'subtle'}
        color="gray"
        size="sm"
        aria-label={props.label}
        {...(props.pressed === undefined ? {} : { 'aria-pressed': props.pressed })}
        disabled={props.disabled ?? false}
        onClick={props.onClick}
      >
        {props.icon}
      </ActionIcon>
    </Tooltip>
  )
}

function CopyLink() {
  const clipboard = useClipboard()
  return (
    <Tool
      label={clipboard.copied ? 'Link copied' : 'Copy link'}
      icon={clipboard.copied ? <IconCheck size={15} /> : <IconLink size={15} />}
      onClick={() => clipboard.copy(window.location.href)}
    />
  )
}

function CopyImage(props: {
  readonly of: { readonly current: HTMLCanvasElement | undefined }
  readonly name: string
  readonly disabled: boolean
}) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    const image = await imageOf(props.of.current)
    if (!image) return
    try {
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': image })])
      setCopied(true)
      window.setTimeout(() => setCopied(false), 1500)
    } catch {
      // The browser lets no image onto its clipboard: it becomes a file.
      const link = document.createElement('a')
      link.download = `${props.name.replace(/[^\w]+/g, '-').slice(0, 60)}.png`
      link.href = URL.createObjectURL(image)
      link.click()
      URL.revokeObjectURL(link.href)
    }
  }
  return (
    <Tool
      label={copied ? 'Image copied' : 'Copy as PNG'}
      icon={copied ? <IconCheck size={15} /> : <IconPhoto size={15} />}
      disabled={props.disabled}
      onClick={() => void copy()}
    />
  )
}

/** The canvas on the page's own background: by itself it is transparent. */
function imageOf(canvas: HTMLCanvasElement | undefined): Promise<Blob | null> {
  if (!canvas) return Promise.resolve(null)
  const sheet = document.createElement('canvas')
  sheet.width = canvas.width
  sheet.height = canvas.height
  const context = sheet.getContext('2d')
  if (!context) return Promise.resolve(null)
  context.fillStyle = getComputedStyle(canvas).getPropertyValue('--tm-surface')
  context.fillRect(0, 0, sheet.width, sheet.height)
  context.drawImage(canvas, 0, 0)
  return new Promise((resolve) => sheet.toBlob(resolve, 'image/png'))
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
              <td>{props.time ? instantOnAxis(x, props.x) : trimmed(x)}</td>
              {props.series.map(({ label, values, band }) => (
                <td key={label}>
                  {shown(values[index])}
                  {band ? ` (${shown(band.lower[index])} to ${shown(band.upper[index])})` : ''}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
