import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import styles from './parts.module.css'

/** A dialog with a name and a way out; focus stays in it and returns to where it was. */
export function Dialog(props: {
  readonly opened: boolean
  readonly onClose: () => void
  readonly title: string
  readonly wide?: boolean
  readonly children: ReactNode
}) {
  return (
    <Modal.Root
      opened={props.opened}
      onClose={props.onClose}
      size={props.wide ? 'lg' : 'md'}
      yOffset="12vh"
      transitionProps={{ duration: 0 }}
    >
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body>
          {/* Not Mantine's own header: a second <header> would be a second banner of the page. */}
          <div className={styles.dialogHead}>
            <Modal.Title>{props.title}</Modal.Title>
            <Modal.CloseButton aria-label="Close" />
          </div>
          {props.children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
