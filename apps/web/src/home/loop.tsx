import { Link } from '@tanstack/react-router'
import { StateChip } from '../ui/index.ts'
import styles from './loop.module.css'
import type { Station } from './stations.ts'

/** The loop, in order and closed: what is watched leads back to data and training. */
export function Loop({ stations }: { readonly stations: readonly Station[] }) {
  return (
    <nav aria-label="The loop" className={styles.loop}>
      <ol>
        {stations.map((station) => (
          <li key={station.name} data-lit={station.tone === 'harm' || station.tone === 'watch'}>
            <Link to={station.to}>
              <span className={styles.name}>{station.name}</span>
              <StateChip tone={station.tone}>{station.figure}</StateChip>
              <span className={styles.sentence}>{station.sentence}</span>
            </Link>
          </li>
        ))}
      </ol>
      <p className={styles.back} aria-hidden>
        <span />
        what monitoring sees leads back to training
        <span />
      </p>
    </nav>
  )
}
