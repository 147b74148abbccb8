export { entityKey, entityOf } from '../../platform/folds.ts'
