import { Readable, Writable } from 'node:stream'
import type { Client, Connection, Submittable } from 'pg'

// The driver hands COPY's messages to the query under way, and leaves what to do with them to it. Its types name none of that.
interface Wire {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(reason: string): void
  readonly stream: Writable & { pause(): void; resume(): void }
}

/** Rows are gathered to pieces of this size: one message a row would cost more than the row. */
const PIECE_BYTES = 256 * 1024

/** What `COPY … TO STDOUT` answers, as a stream that waits for its reader. */
export class CopyOut extends Readable implements Submittable {
  /** How many rows came; known at the end. */
  rows = 0
  private readonly text: string
  private wire: Wire | undefined
  private piece = Buffer.allocUnsafe(PIECE_BYTES)
  private filled = 0

  constructor(client: Client, select: string) {
    super({ highWaterMark: 4 * PIECE_BYTES })
    this.text = `copy ${select} to stdout`
    client.query(this)
  }

  submit(connection: Connection): void {
    this.wire = connection as unknown as Wire
    this.wire.query(this.text)
  }

  override _read(): void {
    this.wire?.stream.resume()
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    this.rows += 1
    if (this.filled + chunk.length > PIECE_BYTES) this.flush()
    // The driver uses the chunk's memory again.
    if (chunk.length > PIECE_BYTES) {
      if (!this.push(Buffer.from(chunk))) this.wire?.stream.pause()
      return
    }
    chunk.copy(this.piece, this.filled)
    this.filled += chunk.length
  }

  handleCommandComplete(): void {
    this.flush()
  }

  handleReadyForQuery(): void {
    this.push(null)
  }

  handleError(error: Error): void {
    this.destroy(error)
  }

  private flush(): void {
    if (this.filled === 0) return
    const wanted = this.push(this.piece.subarray(0, this.filled))
    this.piece = Buffer.allocUnsafe(PIECE_BYTES)
    this.filled = 0
    if (!wanted) this.wire?.stream.pause()
  }
}

/** What `COPY … FROM STDIN` reads. It has finished when PostgreSQL has taken all rows. */
export class CopyIn extends Writable implements Submittable {
  /** How many rows were taken; known at the end. */
  rows = 0
  private readonly text: string
  private wire: Wire | undefined
  private readonly accepted = Promise.withResolvers<Wire>()
  private readonly done = Promise.withResolvers<void>()

  constructor(client: Client, into: string) {
    super({ highWaterMark: 4 * PIECE_BYTES })
    this.text = `copy ${into} from stdin`
    this.accepted.promise.catch(() => {})
    this.done.promise.catch(() => {})
    client.query(this)
  }

  submit(connection: Connection): void {
    this.wire = connection as unknown as Wire
    this.wire.query(this.text)
  }

  handleCopyInResponse(): void {
    if (this.wire) this.accepted.resolve(this.wire)
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.accepted.promise.then((wire) => {
      wire.sendCopyFromChunk(chunk)
      if (wire.stream.writableNeedDrain) wire.stream.once('drain', () => done())
      else done()
    }, done)
  }

  override _final(done: (error?: Error) => void): void {
    this.accepted.promise.then((wire) => wire.endCopyFrom()).catch(() => {})
    this.done.promise.then(() => done(), done)
  }

  /** Its source failed: PostgreSQL must not wait for the rest. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error) this.wire?.sendCopyFail('the source of the rows failed')
    done(error)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0)
  }

  handleReadyForQuery(): void {
    this.done.resolve()
  }

  handleError(error: Error): void {
    this.accepted.reject(error)
    this.done.reject(error)
    this.destroy(error)
  }
}
