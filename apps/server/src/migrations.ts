import { automationMigrations } from './automation/migrations.ts'
import { batchMigrations } from './batch/migrations.ts'
import { dataMigrations } from './data/index.ts'
import { gatewayMigrations, segmentEndMigrations } from './deployments/gateways/index.ts'
import {
  deploymentMigrations,
  endpointInputMigrations,
  evidenceRolloutMigrations,
  labelAgeMigrations,
  strategyMigrations,
  waivedRolloutMigrations,
} from './deployments/index.ts'
import { evaluationMigrations } from './evaluation/index.ts'
import { evaluationDatasetMigrations } from './evaluationDatasets/migrations.ts'
import { deletionTimeMigrations, experimentMigrations, searchMigrations } from './experiments/migrations.ts'
import { governanceMigrations, namedInEventMigrations } from './governance/index.ts'
import { identityMigrations, tokenScopeMigrations } from './identity/index.ts'
import { importMigrations } from './imports/migrations.ts'
import { monitoringMigrations, predictionArchiveMigrations } from './monitoring/migrations.ts'
import { pipelineMigrations } from './pipelines/index.ts'
import { blobMigrations } from './platform/blobs.ts'
import { eventMigrations } from './platform/events.ts'
import type { Migration } from './platform/index.ts'
import { registryDeletionTimeMigrations, registryMigrations } from './registry/migrations.ts'
import { replayMigrations } from './replays/migrations.ts'
import { retentionMigrations } from './retention/migrations.ts'
import { trafficMigrations } from './traffic/migrations.ts'
import { webhookMigrations } from './webhooks/migrations.ts'

/** Every migration in the order of application. Only ever appended to: a released migration never changes. */
export const migrations: readonly Migration[] = [
  ...eventMigrations,
  ...blobMigrations,
  ...experimentMigrations,
  ...registryMigrations,
  ...dataMigrations,
  ...pipelineMigrations,
  ...gatewayMigrations,
  ...deploymentMigrations,
  ...evaluationMigrations,
  ...governanceMigrations,
  ...monitoringMigrations,
  ...automationMigrations,
  ...webhookMigrations,
  ...waivedRolloutMigrations,
  ...namedInEventMigrations,
  ...identityMigrations,
  ...evaluationDatasetMigrations,
  ...deletionTimeMigrations,
  ...registryDeletionTimeMigrations,
  ...retentionMigrations,
  ...importMigrations,
  ...searchMigrations,
  ...endpointInputMigrations,
  ...predictionArchiveMigrations,
  ...segmentEndMigrations,
  ...trafficMigrations,
  ...strategyMigrations,
  ...tokenScopeMigrations,
  ...evidenceRolloutMigrations,
  ...batchMigrations,
  ...replayMigrations,
  ...labelAgeMigrations,
]
