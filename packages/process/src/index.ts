export * from './source.ts'
export * from './supervisor.ts'
