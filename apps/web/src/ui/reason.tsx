import { Button, Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Dialog } from './dialog.tsx'
import { messageOf } from './feedback.tsx'
import styles from './parts.module.css'

/** A button whose act asks for a reason first: the audit trail keeps it. `act` may fail; its message is shown and nothing is closed. */
export function ReasonButton(props: {
  /** On the button, a verb: "Refuse". */
  readonly label: string
  /** In the dialog, the whole act: "Refuse films/3". */
  readonly verb: string
  readonly tone: 'main' | 'plain' | 'danger'
  readonly act: (reason: string) => Promise<unknown>
  readonly size?: 'compact-xs' | 'md'
  /** What the act means, in a sentence. */
  readonly meaning?: string
  /** For what cannot be taken back: a name that must be typed first. */
  readonly typed?: string
  readonly icon?: ReactNode
}) {
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | undefined>()
  const act = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      await props.act(reason.trim())
      setOpen(false)
      setReason('')
      setTyped('')
    } catch (error) {
      setProblem(messageOf(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button
        variant={props.tone === 'main' ? 'filled' : 'default'}
        {...(props.size ? { size: props.size } : {})}
        {...(props.icon ? { leftSection: props.icon } : {})}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      <Dialog opened={open} onClose={() => setOpen(false)} title={props.verb}>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void act()
          }}
        >
          {props.meaning && <p className={styles.meaning}>{props.meaning}</p>}
          <Textarea
            label="Reason"
            description="The audit trail keeps it."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
            minRows={3}
            autosize
            required
          />
          {props.typed && (
            <TextInput
              mt="md"
              label={`Type ${props.typed} to confirm`}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              required
            />
          )}
          {problem && (
            <p role="alert" className={styles.problem}>
              {problem}
            </p>
          )}
          <Button
            mt="md"
            type="submit"
            disabled={reason.trim() === '' || (props.typed !== undefined && typed.trim() !== props.typed)}
            loading={busy}
            {...(props.tone === 'danger' ? { color: 'var(--tm-harm-solid)' } : {})}
          >
            {props.verb}
          </Button>
        </form>
      </Dialog>
    </>
  )
}
