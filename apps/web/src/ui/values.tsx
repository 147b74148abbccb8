import { Tooltip } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import { exactNumber, shortNumber, timeAgo } from './format.ts'
import styles from './parts.module.css'

/** An id, shortened; click copies the whole. */
export function CopyId({ id, length = 8 }: { readonly id: string; readonly length?: number }) {
  const clipboard = useClipboard()
  const bare = id.replace(/^sha256:/, '')
  return (
    <Tooltip label={clipboard.copied ? 'Copied' : id} openDelay={300}>
      <button type="button" className={styles.copyId} onClick={() => clipboard.copy(id)}>
        {bare.length > length + 1 ? `${bare.slice(0, length)}…` : bare}
        <span className={styles.visuallyHidden}> copy</span>
      </button>
    </Tooltip>
  )
}

/** Relative time, exact (local and UTC) on hover; counts on by itself. */
export function Ago({ at }: { readonly at: string }) {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 10_000)
    return () => clearInterval(timer)
  }, [])
  const date = new Date(at)
  return (
    <time dateTime={at} title={`${date.toLocaleString()} · ${at} UTC`} className={styles.ago}>
      {timeAgo(date)}
    </time>
  )
}

/** A count: short, exact on hover. */
export function Count({ value }: { readonly value: number }) {
  return (
    <span className="tm-num" title={exactNumber(value)}>
      {shortNumber(value)}
    </span>
  )
}
