import { type ReactNode, useEffect } from 'react'
import styles from './parts.module.css'

/** A page: title with its state and one sentence in plain words, the main action top right, then evidence. */
export function Page(props: {
  readonly title: string
  readonly crumbs?: ReactNode
  readonly state?: ReactNode
  readonly sentence?: ReactNode
  readonly action?: ReactNode
  readonly children: ReactNode
}) {
  useEffect(() => {
    document.title = `${props.title} · Tidemark`
  }, [props.title])
  return (
    <div className={styles.page}>
      <header className={styles.pageHead}>
        <div>
          {props.crumbs && <div className={styles.crumbs}>{props.crumbs}</div>}
          <div className={styles.pageTitle}>
            <h1>{props.title}</h1>
            {props.state}
          </div>
          {props.sentence && <p className={styles.pageSentence}>{props.sentence}</p>}
        </div>
        {props.action}
      </header>
      {props.children}
    </div>
  )
}

export function Section(props: {
  readonly title: string
  readonly note?: ReactNode
  readonly action?: ReactNode
  readonly children: ReactNode
}) {
  return (
    <section className={styles.section} aria-label={props.title}>
      <div className={styles.sectionHead}>
        <h2>{props.title}</h2>
        {props.action}
      </div>
      {props.note && <p className={styles.sectionNote}>{props.note}</p>}
      {props.children}
    </section>
  )
}

/** Two sections side by side where there is room. */
export function Columns({ children }: { readonly children: ReactNode }) {
  return <div className={styles.columns}>{children}</div>
}

/** The figures that matter, in a row; each with its meaning below. */
export function Figures({
  items,
}: {
  readonly items: readonly { label: string; value: ReactNode; note?: ReactNode }[]
}) {
  return (
    <dl className={styles.figures}>
      {items.map((item) => (
        <div className={styles.figure} key={item.label}>
          <dt>{item.label}</dt>
          <dd className={styles.figureValue}>{item.value}</dd>
          {item.note && <dd className={styles.figureNote}>{item.note}</dd>}
        </div>
      ))}
    </dl>
  )
}

/** Facts as a list of name and value. */
export function Pairs({ items }: { readonly items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.pairs}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Looks of a link that stands where a page's main action stands. */
export const actionClass = styles.why ?? ''
