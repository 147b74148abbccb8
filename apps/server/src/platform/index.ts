export { Actor, localPerson, systemActor } from './actor.ts'
export { type Blob, Blobs } from './blobs.ts'
export type { Clock } from './clock.ts'
export type { Config } from './config.ts'
export {
  type Database,
  type Db,
  inTransaction,
  isConnectionLoss,
  type Queryable,
  sql,
  type Tables,
  type Tx,
} from './db.ts'
export { InvalidRequest, NotFound, NotReady, PermissionDenied } from './errors.ts'
export { causesOf, Events, findEvent, firstBrokenPosition, lastPosition, listEvents, type Reaction } from './events.ts'
export { actorOf, type HttpServer, mount, parsePart, type RequestContext } from './http.ts'
export type { Jobs } from './jobs.ts'
export type { Migration } from './migrations.ts'
export type { Platform } from './platform.ts'
export { PLATFORM_LOCK, PythonPools } from './python.ts'
export type { Log } from './telemetry.ts'
