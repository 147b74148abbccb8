let lastMillisecond = 0
let sequence = 0
// Random bytes are asked for 512 ids at a time: each call into the system costs more than all else here.
const RANDOM_BYTES = 8
const pool = new Uint8Array(512 * RANDOM_BYTES)
let used = pool.length

/**
 * A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter that keeps the ids of one process in order, 62 random bits.
 * Made here, because PostgreSQL has uuidv7() only from version 18 on.
 */
export function uuidv7(now: number = Date.now()): string {
  if (now > lastMillisecond) {
    lastMillisecond = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMillisecond += 1
    sequence = 0
  }
  if (used === pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  const random = pool.subarray(used, used + RANDOM_BYTES)
  used += RANDOM_BYTES
  random[0] = 0x80 | ((random[0] ?? 0) & 0x3f)
  if (lastMillisecond !== writtenMillisecond) {
    const time = lastMillisecond.toString(16).padStart(12, '0')
    written = `${time.slice(0, 8)}-${time.slice(8)}-7`
    writtenMillisecond = lastMillisecond
  }
  const hex = (place: number) => HEX[random[place] ?? 0]
  const counter = `${(sequence >> 8).toString(16)}${HEX[sequence & 0xff]}`
  return `${written}${counter}-${hex(0)}${hex(1)}-${hex(2)}${hex(3)}${hex(4)}${hex(5)}${hex(6)}${hex(7)}`
}

// Written by a table: a gateway makes one id for each request, and formatting the bytes one by one was most of the cost.
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
let writtenMillisecond = -1
let written = ''

/** The millisecond at which a UUIDv7 was made. */
export function timeOfUuidv7(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
