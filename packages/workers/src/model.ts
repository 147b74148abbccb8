import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkerError, workerError } from './errors.ts'
import { giveToWorkers } from './folders.ts'
import { type Batch, FrameReader, packBatch } from './frames.ts'
import type { Account } from './place.ts'
import {
  errorOfOutcome,
  type LogLine,
  type ModelAnswer,
  type ModelQuestion,
  type Outcome,
  type WorkerCommand,
} from './protocol.ts'
import type { Worker } from './worker.ts'

// sockaddr_un has 108 bytes for a path and its end.
const LONGEST_SOCKET_PATH = 100
// A process that is told to end and does not is ended.
const END_MILLISECONDS = 2_000

interface Asked {
  readonly batch: Batch
  readonly resolve: (answers: ModelAnswer[]) => void
  readonly reject: (error: Error) => void
}

export interface ServedModelParts {
  readonly worker: Worker
  readonly account: Account
  /** The task's folder, which only the workers' user may enter: the socket lies in it. */
  readonly folder: string
  readonly command: Omit<Extract<WorkerCommand, { do: 'run' }>, 'do' | 'task'>
  readonly onLog: (line: LogLine) => void
  /** The process of a model that was loaded has ended. */
  readonly onEnd: () => void
}

/** A model loaded in a process of its own, which answers one batch at a time over a socket that is its alone. */
export class ServedModel {
  private readonly worker: Worker
  private readonly task: number
  private readonly socket: Socket
  private asked: Asked | undefined
  private ended: WorkerError | undefined
  private readonly exits: ((error: WorkerError) => void)[] = []

  private constructor(worker: Worker, task: number, socket: Socket) {
    this.worker = worker
    this.task = task
    this.socket = socket
    const reader = new FrameReader((header, blocks) => this.answered(header, blocks))
    socket.on('data', (piece) => {
      try {
        reader.push(piece as Buffer)
      } catch (error) {
        this.refuse(error as Error)
      }
    })
    // The end of the process says more than what its socket says.
    socket.on('error', () => {})
  }

  /** @throws MODEL_NOT_LOADED */
  static async start(parts: ServedModelParts): Promise<ServedModel> {
    const { worker, command, onLog, onEnd } = parts
    const door = await openDoor(parts.account, parts.folder)
    return new Promise((resolve, reject) => {
      let model: ServedModel | undefined
      let loaded = false
      const begin = () => {
        if (!loaded || !door.socket || model) return
        model = new ServedModel(worker, task, door.socket)
        door.close()
        resolve(model)
      }
      door.onSocket(begin)
      const task = worker.run(
        { ...command, arguments: { ...command.arguments, socket: door.path, token: door.token } },
        {
          onLog,
          onMessage: () => {
            loaded = true
            begin()
          },
          onDone: (outcome) => {
            door.close()
            const error = errorOfEnd(outcome)
            if (model) {
              onEnd()
              return model.end(error)
            }
            const { message } = workerError('MODEL_NOT_LOADED', error.message)
            reject(new WorkerError('MODEL_NOT_LOADED', message, error.traceback))
          },
        },
      )
    })
  }

  get alive(): boolean {
    return this.ended === undefined
  }

  /** The process's id once it runs. */
  get pid(): number | undefined {
    return this.worker.pidOf(this.task)
  }

  /** Called once when the process ended, however it did. Start another then. */
  onExit(listener: (error: WorkerError) => void): void {
    if (this.ended) listener(this.ended)
    else this.exits.push(listener)
  }

  /**
   * What the model answers to each question, or what it raised. One batch at a time: ask again when this one is answered.
   * @throws WORKER_DIED, TASK_KILLED when the process ended: none of the questions was answered
   */
  ask(questions: readonly ModelQuestion[]): Promise<ModelAnswer[]> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended)
      if (this.asked) return reject(new Error('A served model answers one batch at a time.'))
      const batch = packBatch(questions)
      this.asked = { batch, resolve, reject }
      this.socket.write(batch.frame)
    })
  }

  /** Ends the process when the batch in it is answered. */
  close(): void {
    this.socket.end()
    const timer = setTimeout(() => this.kill(), END_MILLISECONDS)
    this.onExit(() => clearTimeout(timer))
  }

  /** Ends the process at once. */
  kill(): void {
    this.worker.cancel(this.task)
  }

  private answered(header: Buffer, blocks: Buffer): void {
    const { asked } = this
    if (!asked) throw new Error('It answered what nobody asked.')
    const answers = asked.batch.answersOf(header, blocks)
    this.asked = undefined
    asked.resolve(answers)
  }

  /** The model's own code can write to the socket: what is no answer ends it. */
  private refuse(error: Error): void {
    this.asked?.reject(error)
    this.asked = undefined
    this.socket.destroy()
    this.kill()
  }

  private end(error: WorkerError): void {
    this.ended = error
    this.socket.destroy()
    this.asked?.reject(error)
    this.asked = undefined
    for (const listener of this.exits) listener(error)
  }
}

/** A socket that takes one visitor: the one that knows the token. */
interface Door {
  readonly path: string
  readonly token: string
  readonly socket: Socket | undefined
  onSocket(listener: () => void): void
  close(): void
}

async function openDoor(account: Account, folder: string): Promise<Door> {
  const inside = join(folder, 's')
  const own = inside.length <= LONGEST_SOCKET_PATH ? null : mkdtempSync(join(tmpdir(), 'tidemark-'))
  if (own) giveToWorkers(account, own)
  const path = own ? join(own, 's') : inside
  const token = randomBytes(16).toString('hex')
  let socket: Socket | undefined
  let listener = () => {}
  const server = createServer((visitor) => {
    visitor.on('error', () => {})
    visitor.once('readable', () => {
      const said: Buffer | null = visitor.read(token.length)
      if (socket || said?.toString() !== token) visitor.destroy()
      else {
        socket = visitor
        listener()
      }
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  chmodSync(path, 0o600)
  if (account.drop) chownSync(path, account.drop.uid, account.drop.gid)
  return {
    path,
    token,
    get socket() {
      return socket
    },
    onSocket: (then) => {
      listener = then
    },
    close: () => {
      server.close()
      if (own) rmSync(own, { recursive: true, force: true })
    },
  }
}

function errorOfEnd(outcome: Outcome | { kind: 'worker_died'; cause: string }): WorkerError {
  switch (outcome.kind) {
    case 'result':
      return workerError('WORKER_DIED', 'closed')
    case 'worker_died':
      return workerError('WORKER_DIED', outcome.cause)
    default:
      return errorOfOutcome(outcome)
  }
}
