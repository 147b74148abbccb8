import { inflateRawSync } from 'node:zlib'
import { workerError } from './errors.ts'

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50

/**
 * The bytes of one file of a wheel (a ZIP archive, APPNOTE.TXT 4.3), so that uv's binary needs neither pip nor unzip.
 * @throws WHEEL_UNREADABLE
 */
export function fileOfWheel(archive: Buffer, nameEndsWith: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || archive.readUInt32LE(end) !== END_OF_DIRECTORY)
    throw workerError('WHEEL_UNREADABLE', 'the wheel', 'not a ZIP archive')
  const entries = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  for (let entry = 0; entry < entries && archive.readUInt32LE(at) === DIRECTORY_ENTRY; entry++) {
    const method = archive.readUInt16LE(at + 10)
    const packedBytes = archive.readUInt32LE(at + 20)
    const nameBytes = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes)
    const local = archive.readUInt32LE(at + 42)
    if (name.endsWith(nameEndsWith)) {
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
      const packed = archive.subarray(start, start + packedBytes)
      if (method === 0) return Buffer.from(packed)
      if (method === 8) return inflateRawSync(packed)
      throw workerError('WHEEL_UNREADABLE', name, `compression method ${method}`)
    }
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  throw workerError('WHEEL_UNREADABLE', nameEndsWith, 'no such file in the wheel')
}
