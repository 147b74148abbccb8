import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { EndpointSnapshot, InputColumn, Routing, Snapshot, Variant } from '@tidemark/contracts'
import type { Model } from './runtimes/model.ts'

/** `failing` converts without an error and fails on every row. `network` takes tensors. */
export type FixtureName = 'champion' | 'candidate' | 'failing' | 'network'

/** Real models for the tests, made by `fixtures/make.py`. */
export function fixture(name: FixtureName) {
  const path = new URL(`../fixtures/${name}.onnx`, import.meta.url)
  const bytes = readFileSync(path)
  const { columns, rows, expected } = JSON.parse(
    readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'),
  ) as { columns: string[]; rows: (string | number | null)[][]; expected: number[] }
  return { path: path.pathname, bytes, digest: `sha256:${hash('sha256', bytes, 'hex')}`, columns, rows, expected }
}

export const onnxInputs = [
  { column: 'budget', tensor: 'budget', type: 'float32' },
  { column: 'running_time', tensor: 'running_time', type: 'float32' },
  { column: 'genre', tensor: 'genre', type: 'string' },
] as const

export const columns: InputColumn[] = [
  { name: 'budget', type: 'double', required: true },
  { name: 'running_time', type: 'double', required: false },
  { name: 'genre', type: 'string', required: true },
]

export function variant(name: FixtureName, version: string): Variant {
  return {
    version,
    runtime: { kind: 'onnx', model: fixture(name).digest, inputs: [...onnxInputs], output: 'variable' },
  }
}

export function endpoint(name: string, routing: Routing = { kind: 'single' }, replay = false): EndpointSnapshot {
  return {
    workspace: 'default',
    name,
    replay,
    columns,
    input: { kind: 'columns' },
    champion: variant('champion', 'films/1'),
    routing,
  }
}

export function snapshot(version: number, endpoints: EndpointSnapshot[], leaseSeconds = 15): Snapshot {
  return { format: 1, version, issuedAt: '2026-01-01T00:00:00Z', leaseSeconds, endpoints }
}

/** A model in memory that computes nothing: where only who is served by what matters. */
export const idleModel: Model = {
  kind: 'onnx',
  predict: async () => ({ values: [] }),
  bytes: () => 0,
  unload: async () => {},
  close: async () => {},
}
