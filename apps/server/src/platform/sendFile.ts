import type { FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'

/** Read and sent at a time: above half a megabyte it saves no more. */
const PIECE_BYTES = 512 * 1024

/**
 * Sends an open file from byte `start` to byte `end`, both included, as the body of an answer whose head is written, and closes it. Two pieces
 * of memory serve the whole file, one is read while the other is sent: pieces of its own for each call would be left to the garbage collector,
 * which costs more than reading and sending. Ends early, without an error, when the client goes away.
 */
export async function sendFile(response: ServerResponse, file: FileHandle, start: number, end: number): Promise<void> {
  const pieces = [Buffer.allocUnsafeSlow(PIECE_BYTES), Buffer.allocUnsafeSlow(PIECE_BYTES)] as const
  const gone = new Promise<'gone'>((resolve) => response.once('close', () => resolve('gone')))
  const read = (at: number, into: Buffer) => file.read(into, 0, Math.min(PIECE_BYTES, end - at + 1), at)
  try {
    let at = start
    let turn = 0
    let coming = at <= end ? read(at, pieces[0]) : null
    while (coming !== null) {
      const { bytesRead, buffer } = await coming
      if (bytesRead === 0) throw new Error(`The file ends at byte ${at}, before byte ${end}.`)
      at += bytesRead
      turn = 1 - turn
      const sent = send(response, buffer.subarray(0, bytesRead))
      coming = at <= end ? read(at, turn === 0 ? pieces[0] : pieces[1]) : null
      if ((await Promise.race([sent, gone])) === 'gone') {
        // Memory that is being read into, and a file that is being read, outlive this call.
        await coming
        return
      }
    }
    response.end()
  } catch (error) {
    // The head promised a length: a broken line says that it was not kept.
    response.destroy()
    throw error
  } finally {
    await file.close()
  }
}

/** Resolves when the kernel has the bytes, so that their memory may be used again. */
function send(response: ServerResponse, piece: Buffer): Promise<'sent' | 'gone'> {
  return new Promise((resolve) => response.write(piece, (error) => resolve(error ? 'gone' : 'sent')))
}
