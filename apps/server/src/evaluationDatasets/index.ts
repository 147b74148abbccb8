import type { FastifyInstance } from 'fastify'
import { mountMlflow } from '../experiments/index.ts'
import type { Platform } from '../platform/index.ts'
import { evaluationDatasetRoutes } from './mlflowRoutes.ts'
import { createService, type EvaluationDatasetPorts } from './service.ts'

/** Evaluation datasets, which MLflow's client makes, fills and searches. */
export function createEvaluationDatasets(platform: Platform, ports: EvaluationDatasetPorts) {
  const service = createService(platform, ports)
  return {
    /** Adds them to MLflow's API. */
    mlflow(scope: FastifyInstance): void {
      mountMlflow(scope, '3.0/mlflow', evaluationDatasetRoutes(service))
    },
  }
}
