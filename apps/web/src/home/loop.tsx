import { IconAlertTriangle, IconCircleX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import styles from './loop.module.css'
import type { Station } from './stations.ts'

/** The loop, in order and closed: what is watched leads back to training. A station that needs a person is lit. */
export function Loop({ stations }: { readonly stations: readonly Station[] }) {
  return (
    <nav aria-label="The loop" className={styles.loop}>
      <ol>
        {stations.map((station) => (
          <li key={station.name} data-tone={station.tone}>
            <Link to={station.to}>
              <span className={styles.mark} aria-hidden>
                <station.icon size={18} stroke={1.8} />
              </span>
              <span className={styles.text}>
                <span className={styles.name}>{station.name}</span>
                <span className={styles.figure}>
                  <Sign tone={station.tone} />
                  {station.figure}
                </span>
                <span className={styles.sentence}>{station.sentence}</span>
              </span>
            </Link>
          </li>
        ))}
      </ol>
      <p className={styles.back}>
        <span>What monitoring sees leads back to training</span>
      </p>
    </nav>
  )
}

/** Never by colour alone: what needs a person has a sign, and a word for who cannot see it. */
function Sign({ tone }: { readonly tone: Station['tone'] }) {
  if (tone === 'harm') return <IconCircleX size={15} aria-label="Needs you:" role="img" />
  if (tone === 'watch') return <IconAlertTriangle size={15} aria-label="To look at:" role="img" />
  return null
}
