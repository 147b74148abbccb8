import { automationBlobColumns } from './automation/migrations.ts'
import { batchBlobColumns } from './batch/migrations.ts'
import { dataBlobColumns } from './data/migrations.ts'
import { gatewayBlobColumns } from './deployments/gateways/migrations.ts'
import { deploymentBlobColumns } from './deployments/migrations.ts'
import { evaluationBlobColumns } from './evaluation/migrations.ts'
import { evaluationDatasetBlobColumns } from './evaluationDatasets/migrations.ts'
import { experimentBlobColumns } from './experiments/migrations.ts'
import { identityBlobColumns } from './identity/migrations.ts'
import { importBlobColumns } from './imports/migrations.ts'
import { monitoringBlobColumns } from './monitoring/migrations.ts'
import { pipelineBlobColumns } from './pipelines/migrations.ts'
import { grantBlobColumns } from './platform/blobs.ts'
import { eventBlobColumns } from './platform/events.ts'
import type { BlobColumns } from './platform/index.ts'
import { registryBlobColumns } from './registry/migrations.ts'
import { replayBlobColumns } from './replays/migrations.ts'
import { trafficBlobColumns } from './traffic/migrations.ts'

/** Every column that could name blobs, of all modules: by it a sweep knows what is still owned. A test compares it with the database. */
export const blobColumns: BlobColumns = {
  ...eventBlobColumns,
  ...grantBlobColumns,
  ...identityBlobColumns,
  ...experimentBlobColumns,
  ...registryBlobColumns,
  ...dataBlobColumns,
  ...pipelineBlobColumns,
  ...gatewayBlobColumns,
  ...deploymentBlobColumns,
  ...evaluationBlobColumns,
  ...monitoringBlobColumns,
  ...automationBlobColumns,
  ...evaluationDatasetBlobColumns,
  ...importBlobColumns,
  ...trafficBlobColumns,
  ...batchBlobColumns,
  ...replayBlobColumns,
}
