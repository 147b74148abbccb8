import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconMoon, IconSearch, IconSun } from '@tabler/icons-react'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { useState } from 'react'
import { Ago } from '../ui/index.ts'
import { useFeedState, useLiveFeed } from './live.ts'
import { Palette, usePaletteShortcut } from './palette.tsx'
import { PersonMenu, WorkspaceMenu } from './person.tsx'
import styles from './shell.module.css'
import { STATIONS, stationOf } from './stations.ts'

export function Shell() {
  useLiveFeed()
  const [searching, setSearching] = useState(false)
  const here = stationOf(useLocation({ select: (location) => location.pathname }))
  usePaletteShortcut(() => setSearching(true))
  return (
    <div className={styles.shell}>
      <a href="#main" className={styles.skip}>
        Skip to the page
      </a>
      <header className={styles.top}>
        <Link to="/" className={styles.brand}>
          <img src="/favicon.svg" alt="" /> Tidemark
        </Link>
        <WorkspaceMenu />
        <span className={styles.spacer} />
        <button type="button" className={styles.search} onClick={() => setSearching(true)}>
          <IconSearch size={15} aria-hidden /> Search or go to… <kbd>Ctrl K</kbd>
        </button>
        <FeedState />
        <ThemeSwitch />
        <PersonMenu />
      </header>
      <nav className={styles.rail} aria-label="Life cycle">
        <ul>
          {STATIONS.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <Link to={to} className={styles.link} data-here={to === here} title={label}>
                <Icon size={17} stroke={1.8} aria-hidden />
                <span>{label}</span>
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main className={styles.main} id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <Palette opened={searching} onClose={() => setSearching(false)} />
    </div>
  )
}

function FeedState() {
  const feed = useFeedState()
  if (feed.state === 'lost') {
    return (
      <output className={styles.feed}>
        <span className={`${styles.dot} ${styles.dotLost}`} aria-hidden /> Not live: connection lost{' '}
        <Ago at={feed.since.toISOString()} />
      </output>
    )
  }
  return (
    <output className={styles.feed}>
      <span className={styles.dot} aria-hidden /> {feed.state === 'live' ? 'Live' : 'Connecting'}
    </output>
  )
}

function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const next = scheme === 'dark' ? 'light' : 'dark'
  return (
    <Tooltip label={`Use the ${next} theme`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={() => setColorScheme(next)}
        aria-label={`Use the ${next} theme`}
      >
        {scheme === 'dark' ? <IconSun size={17} /> : <IconMoon size={17} />}
      </ActionIcon>
    </Tooltip>
  )
}
