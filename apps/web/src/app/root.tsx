import { Outlet, useLocation } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Failure } from '../ui/index.ts'
import { goToLogin, rememberWorkspace, signOut, useSession } from './session.ts'
import styles from './shell.module.css'
import { Shell } from './shell.tsx'

/** Lets in whom the server lets in: to the login page without the frame, to every other page once it is known who looks. */
export function Root() {
  const path = useLocation({ select: (location) => location.pathname })
  return path === '/login' ? <Outlet /> : <Guarded />
}

function Guarded() {
  const session = useSession()
  const strange = session.data?.login === true && session.data.who === null
  useEffect(() => {
    if (strange) goToLogin()
  }, [strange])
  if (session.isError) return <Alone>{<Failure error={session.error} what="Who you are" />}</Alone>
  if (!session.data || strange) return null
  return session.data.workspace ? <Shell /> : <NoRights memberships={session.data.who?.memberships ?? []} />
}

/** The workspace that is remembered is gone, or no longer theirs: another of theirs, or a word on what to do. */
function NoRights({ memberships }: { readonly memberships: readonly { workspace: string }[] }) {
  const other = memberships[0]?.workspace
  useEffect(() => {
    if (other === undefined) return
    rememberWorkspace(other === '*' ? 'default' : other)
    window.location.reload()
  }, [other])
  if (other !== undefined) return null
  return (
    <Alone>
      <h1>You have no role here yet</h1>
      <p>You are signed in, but no workspace has given you a role. Ask an owner of one: they add you under Settings.</p>
      <button type="button" className="tm-link" onClick={() => void signOut()}>
        Sign out
      </button>
    </Alone>
  )
}

function Alone({ children }: { readonly children: React.ReactNode }) {
  return (
    <main className={styles.alone} id="main">
      {children}
    </main>
  )
}
