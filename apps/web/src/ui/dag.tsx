import { lazy, Suspense } from 'react'
import styles from './dag.module.css'
import { DAG_HEIGHT, type DagProps } from './dag-types.ts'

// React Flow is loaded with the first graph, not with the first page.
const Flow = lazy(() => import('./flow.tsx').then((module) => ({ default: module.Flow })))

/** A graph drawn from left to right. The table beside it says the same in words. */
export function Dag(props: DagProps) {
  return (
    <figure className={styles.figure} aria-label={props.caption} style={{ height: DAG_HEIGHT }}>
      <Suspense fallback={<div aria-busy="true" />}>
        <Flow {...props} />
      </Suspense>
    </figure>
  )
}
