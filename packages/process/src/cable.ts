import { connect, createServer, type Socket } from 'node:net'
import { addressOf } from './address.ts'

/** A line to a server that tests can break. */
export interface Cable {
  readonly url: string
  /** Says where the other end is. */
  lead(to: string): void
  /** What is open breaks, what is new is refused. */
  cut(): void
  /** Nothing arrives any more, either way, and nobody is told: as when a cable is pulled out somewhere in between. */
  silence(): void
  mend(): void
  close(): void
}

/** Lays a line that relays TCP from a free port of the loopback address. */
export async function layCable(): Promise<Cable> {
  const open = new Set<Socket>()
  const unheard = new Set<Socket>()
  let state: 'whole' | 'cut' | 'silent' = 'whole'
  let port = 0
  const relay = createServer((near) => {
    if (state === 'cut') {
      near.destroy()
      return
    }
    if (state === 'silent') {
      near.on('error', () => near.destroy())
      unheard.add(near)
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
    state = 'cut'
    for (const socket of [...open, ...unheard]) socket.destroy()
    unheard.clear()
  }
  return {
    url: addressOf('127.0.0.1', address.port),
    lead: (to) => {
      port = Number(new URL(to).port)
    },
    cut,
    silence: () => {
      state = 'silent'
      for (const socket of open) socket.unpipe().pause()
    },
    mend: () => {
      // What was silent for a while is broken: its ends were given up by one side or the other.
      cut()
      state = 'whole'
    },
    close: () => {
      cut()
      relay.close()
    },
  }
}
