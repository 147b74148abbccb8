import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import { client } from '../app/client.ts'
import { nextPage, useSession } from '../app/session.ts'
import styles from './identity.module.css'

/** The way in: name and password, once in 12 hours. */
export function LoginPage() {
  const session = useSession().data
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | undefined>()
  const inside = session !== undefined && session.who !== null
  useEffect(() => {
    document.title = 'Sign in · Tidemark'
    if (inside) window.location.replace(nextPage(window.location.search))
  }, [inside])

  const signIn = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      await client.identity.signIn({ body: { name: name.trim(), password } })
      window.location.assign(nextPage(window.location.search))
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setPassword('')
      setBusy(false)
    }
  }

  return (
    <main className={styles.login} id="main">
      <div className={styles.loginBrand}>
        <img src="/favicon.svg" alt="" /> Tidemark
      </div>
      <h1>Sign in</h1>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          void signIn()
        }}
      >
        <TextInput
          label="Name"
          name="username"
          autoComplete="username"
          autoFocus
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {problem && (
          <p role="alert" className={styles.problem}>
            {problem}
          </p>
        )}
        <Button type="submit" loading={busy} disabled={name.trim() === '' || password === ''}>
          Sign in
        </Button>
      </form>
      <p className={styles.hint}>
        No account? An admin of this platform makes one: <code>tidemark users add NAME</code>. Programs use a token
        instead.
      </p>
    </main>
  )
}
