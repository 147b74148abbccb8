import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Dialog } from './dialog.tsx'
import { messageOf } from './feedback.tsx'
import styles from './parts.module.css'

/** A button that opens a small form. `act` may fail: its message is shown and nothing is closed. What it returns is shown instead of the form. */
export function FormButton(props: {
  /** On the button, a verb: "Add a person". */
  readonly label: string
  /** In the dialog, the whole act. */
  readonly title: string
  readonly confirm: string
  readonly main?: boolean
  readonly danger?: boolean
  readonly small?: boolean
  readonly icon?: ReactNode
  readonly ready?: boolean
  readonly act: () => Promise<ReactNode>
  readonly onClosed?: () => void
  readonly children?: ReactNode
}) {
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | undefined>()
  const [result, setResult] = useState<ReactNode>(null)
  const close = () => {
    setOpen(false)
    setResult(null)
    setProblem(undefined)
    props.onClosed?.()
  }
  const act = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      const shown = await props.act()
      if (shown) setResult(shown)
      else close()
    } catch (error) {
      setProblem(messageOf(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button
        variant={props.main ? 'filled' : 'default'}
        {...(props.small ? { size: 'compact-xs' } : {})}
        {...(props.icon ? { leftSection: props.icon } : {})}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      <Dialog opened={open} onClose={close} title={props.title}>
        {result ?? (
          <form
            className={styles.form}
            onSubmit={(event) => {
              event.preventDefault()
              void act()
            }}
          >
            {props.children}
            {problem && (
              <p role="alert" className={styles.problem}>
                {problem}
              </p>
            )}
            <Button
              type="submit"
              loading={busy}
              disabled={props.ready === false}
              {...(props.danger ? { color: 'var(--tm-harm-solid)' } : {})}
            >
              {props.confirm}
            </Button>
          </form>
        )}
      </Dialog>
    </>
  )
}
