import { uuidv7 } from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform } from '../../platform/index.ts'
import { EndpointNotMonitored } from '../errors.ts'
import { startWatch } from '../performance/service.ts'
import type { MonitoringPorts } from '../types.ts'
import { profileParquet } from './parquet.ts'
import { insertProfile, profileOfVersion } from './store.ts'

/**
 * Makes a version the one that windows are compared with: profiles its training rows and begins the watch over its losses. Safe to run
 * twice. A version without a pipeline's reference is served and counted, and its windows say that they were not judged.
 */
export async function adoptReference(
  platform: Platform,
  ports: MonitoringPorts,
  actor: Actor,
  endpoint: string,
  model: string,
  version: number,
): Promise<void> {
  actor.require('monitoring.write', endpoint)
  const { db } = platform
  const { workspace } = actor
  const key = { workspace, endpoint }
  const facts = await ports.endpoint(db, workspace, endpoint)
  if (!facts) throw EndpointNotMonitored(endpoint)
  const holdout = await ports.holdout(db, workspace, model, version)
  const files = await ports.referenceFiles(db, workspace, model, version)
  const known = await profileOfVersion(db, key, model, version)
  const profile =
    files && !known
      ? await profileParquet(files, facts.columns, facts.policy.window, holdout?.predictions ?? null)
      : null
  await inTransaction(db, async (tx) => {
    if (profile) {
      await insertProfile(tx, key, { id: uuidv7(), model, version, adoptedAt: platform.clock.now(), profile })
    }
    await startWatch(tx, key, version, facts, holdout?.losses ?? null, platform.clock.now())
  })
  platform.live.changed('health', endpoint)
}
