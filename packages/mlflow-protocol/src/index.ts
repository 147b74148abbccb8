export * from './artifacts.ts'
export * from './dialects.ts'
export * from './errors.ts'
export { type Message, type MessageOf, message } from './fields.ts'
export {
  type Clause,
  type Dialect,
  type Entity,
  parseColumn,
  parseFilter,
  parseOrderBy,
  type SortKey,
} from './filter.ts'
export * from './names.ts'
export * from './pages.ts'
export * from './replies.ts'
export type { LoggedModelStatusName, RunStatusName, ViewTypeName } from './requests.ts'
export * as requests from './requests.ts'
