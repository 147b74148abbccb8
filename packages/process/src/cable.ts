import { connect, createServer, type Socket } from 'node:net'
import { addressOf } from './address.ts'

/** A line to a server that tests can cut: what is open breaks, what is new is refused. */
export interface Cable {
  readonly url: string
  /** Says where the other end is. */
  lead(to: string): void
  cut(): void
  mend(): void
  close(): void
}

/** Lays a line that relays TCP from a free port of the loopback address. */
export async function layCable(): Promise<Cable> {
  const open = new Set<Socket>()
  let whole = true
  let port = 0
  const relay = createServer((near) => {
    if (!whole) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const address = relay.address()
  if (typeof address !== 'object' || !address) throw new Error('The relay has no port.')
  const cut = () => {
    whole = false
    for (const socket of open) socket.destroy()
  }
  return {
    url: addressOf('127.0.0.1', address.port),
    lead: (to) => {
      port = Number(new URL(to).port)
    },
    cut,
    mend: () => {
      whole = true
    },
    close: () => {
      cut()
      relay.close()
    },
  }
}
