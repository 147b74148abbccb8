import { ActionIcon, Tooltip } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import { TidemarkError } from '@tidemark/contracts'
import type { ReactNode } from 'react'
import { Page } from './page.tsx'
import styles from './parts.module.css'

/** A command or a snippet, ready to copy. */
export function Command({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const clipboard = useClipboard()
  return (
    <div className={styles.command}>
      <pre tabIndex={0}>{text}</pre>
      <Tooltip label={clipboard.copied ? 'Copied' : label}>
        <ActionIcon variant="subtle" m={4} onClick={() => clipboard.copy(text)} aria-label={label}>
          {clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

/** Nothing here yet: what would be here, and how to make it so. */
export function Empty(props: { readonly title: string; readonly children: ReactNode; readonly command?: string }) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{props.title}</p>
      <p>{props.children}</p>
      {props.command && <Command text={props.command} />}
    </div>
  )
}

/** What failed and what to do, with the id to quote. */
export function Failure({ error, what }: { readonly error: unknown; readonly what: string }) {
  const known = error instanceof TidemarkError ? error : undefined
  return (
    <div className={styles.error} role="alert">
      <p className={styles.errorTitle}>{what} could not be read</p>
      <p>
        {messageOf(error)} {known && <span className="tm-mono">({known.code})</span>}
      </p>
      <p>Nothing was changed. The page asks again by itself.</p>
    </div>
  )
}

/** What a person reads of an error. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError) return 'The server does not answer. Is the platform running?'
  // An answer of another form than this page knows: page and server are of different releases.
  if (error instanceof Error && error.name === 'ZodError')
    return 'The server answers in a form that this page does not know. Reload the page.'
  return error instanceof Error ? error.message : String(error)
}

/** Lines in the true layout while the first answer is on its way. */
export function Skeleton({ lines = 5, height = 32 }: { readonly lines?: number; readonly height?: number }) {
  return (
    <div aria-busy="true" style={{ display: 'grid', gap: 8 }}>
      <span className={styles.visuallyHidden}>Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: equal grey lines without identity.
        <div key={line} className={styles.skeleton} style={{ height }} />
      ))}
    </div>
  )
}

/** The three states of a query in one place: loading, failed, there. A failed refresh keeps what was read before. */
export function Loaded<T>(props: {
  readonly query: UseQueryResult<T>
  readonly what: string
  readonly children: (data: T) => ReactNode
  readonly lines?: number
}) {
  const { query } = props
  if (query.data !== undefined) return props.children(query.data)
  if (query.isError) return <Failure error={query.error} what={props.what} />
  return <Skeleton {...(props.lines === undefined ? {} : { lines: props.lines })} />
}

/** A page about one thing: its head and grey lines while it is read, its head and what failed when it cannot be. */
export function LoadedPage<T>(props: {
  readonly query: UseQueryResult<T>
  readonly what: string
  readonly crumbs: ReactNode
  readonly children: (data: T) => ReactNode
}) {
  const { query, what } = props
  if (query.data !== undefined) return props.children(query.data)
  return (
    <Page title={what} crumbs={props.crumbs}>
      {query.isError ? (
        <Failure error={query.error} what={what} />
      ) : (
        <>
          <Skeleton lines={1} height={84} />
          <Skeleton lines={6} />
        </>
      )}
    </Page>
  )
}
