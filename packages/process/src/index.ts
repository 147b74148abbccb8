export * from './address.ts'
export * from './free-port.ts'
export * from './source.ts'
export * from './supervisor.ts'
