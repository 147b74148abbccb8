import { Textarea, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { FormButton } from './form.tsx'
import styles from './parts.module.css'

/** A button whose act asks for a reason first: the audit trail keeps it. `act` may fail; its message is shown and nothing is closed. */
export function ReasonButton(props: {
  /** On the button, a verb: "Refuse". */
  readonly label: string
  /** In the dialog, the whole act: "Refuse films/3". */
  readonly verb: string
  readonly tone: 'main' | 'plain' | 'danger'
  readonly act: (reason: string) => Promise<unknown>
  readonly small?: boolean
  /** What the act means, in a sentence. */
  readonly meaning?: string
  /** For what cannot be taken back: a name that must be typed first. */
  readonly typed?: string
  readonly icon?: ReactNode
}) {
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const act = async () => {
    await props.act(reason.trim())
    setReason('')
    setTyped('')
    return null
  }
  return (
    <FormButton
      label={props.label}
      title={props.verb}
      confirm={props.verb}
      main={props.tone === 'main'}
      danger={props.tone === 'danger'}
      small={props.small ?? false}
      icon={props.icon}
      ready={reason.trim() !== '' && (props.typed === undefined || typed.trim() === props.typed)}
      act={act}
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
          label={`Type ${props.typed} to confirm`}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          required
        />
      )}
    </FormButton>
  )
}
