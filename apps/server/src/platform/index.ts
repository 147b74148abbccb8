export { Actor, localPerson, systemActor } from './actor.ts'
export { type BlobColumns, NO_DIGESTS, OF_OTHERS } from './blobColumns.ts'
export type { SweepOptions } from './blobSweep.ts'
export { type Blob, Blobs, type Part } from './blobs.ts'
export type { Clock } from './clock.ts'
export {
  inTransaction,
  isConnectionLoss,
  type Queryable,
  sql,
  type Tx,
} from './db.ts'
export { NotFound } from './errors.ts'
export { causesOf, findEvent, firstBrokenPosition, listEvents } from './events.ts'
export { actorOf, challenge, type Doorkeeper, RetryLater } from './gate.ts'
export { type HttpServer, mount, mountOpen, parsePart, takeStreams } from './http.ts'
export type { Migration } from './migrations.ts'
export type { Platform } from './platform.ts'
export { PLATFORM_LOCK } from './python.ts'
export { sendFile as sendOpenFile } from './sendFile.ts'
export { createShapes, runPrepared, runWithin, type Shapes, type Statement } from './statements.ts'
export type { Log } from './telemetry.ts'
