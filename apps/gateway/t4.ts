import { readFileSync } from 'node:fs'
import ort from 'onnxruntime-node'

const dir = process.argv[2]!
const map = JSON.parse(readFileSync(dir + '/input-map.json', 'utf8'))
const rows = readFileSync(dir + '/parity.ndjson', 'utf8')
  .trim()
  .split('\n')
  .map((l) => JSON.parse(l))
let t = Date.now()
const s = await ort.InferenceSession.create(dir + '/model.onnx', { intraOpNumThreads: 1 })
console.log('load', Date.now() - t)
const feeds = (rs: any[]) =>
  Object.fromEntries(
    map.inputs.map((i: any) => {
      const vals = rs.map((r) => r.row[i.column] ?? (i.null === 'NaN' ? NaN : ''))
      return [
        i.tensor,
        i.type === 'string'
          ? new ort.Tensor('string', vals, [vals.length, 1])
          : new ort.Tensor('float32', Float32Array.from(vals), [vals.length, 1]),
      ]
    }),
  )
const out = (await s.run(feeds(rows), [map.output]))[map.output]!.data as Float32Array
const byKind: Record<string, number> = {}
rows.forEach((r, i) => {
  const k = r.kind
  byKind[k] = Math.max(byKind[k] ?? 0, Math.abs(out[i]! - r.prediction))
})
console.log(rows.length, 'tolerance', map.tolerance, byKind)
t = performance.now()
for (let i = 0; i < 500; i++) await s.run(feeds([rows[i % rows.length]]), [map.output])
console.log('ms per row', (performance.now() - t) / 500)
