// Text of about this length becomes bytes at a time. Longer ropes of text live long enough to fill the old generation of the heap.
const PIECE_LENGTH = 16_384

/** JSON that is written piece by piece and kept as bytes. */
export function createJsonText() {
  const pieces: Buffer[] = []
  let text = ''
  return {
    add(more: string): void {
      text += more
      if (text.length < PIECE_LENGTH) return
      pieces.push(Buffer.from(text))
      text = ''
    },
    bytes(): Buffer {
      const last = Buffer.from(text)
      return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
    },
  }
}
