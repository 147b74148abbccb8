import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixture } from '../fixtures.ts'
import { answersByRow } from './operators.ts'

/** A field of a protobuf message that has a length, below 128 bytes. */
const field = (number: number, content: Buffer) =>
  Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content])
const node = (operator: string, domain = '') =>
  field(1, Buffer.concat([field(4, Buffer.from(operator)), field(7, Buffer.from(domain))]))
const model = (...nodes: Buffer[]) => field(7, Buffer.concat(nodes))

test('a pipeline of an imputer, an encoder and trees answers by row', () => {
  assert.equal(answersByRow(fixture('champion').bytes), true)
  assert.equal(answersByRow(model(node('TreeEnsembleClassifier', 'ai.onnx.ml'), node('Cast'))), true)
})

const others: [string, Uint8Array][] = [
  ['one that multiplies matrices', model(node('Cast'), node('MatMul'))],
  ['an operator of that name from elsewhere', model(node('Cast', 'example.com'))],
  [
    'one with functions of its own',
    Buffer.concat([model(node('Cast')), Buffer.from([((25 * 8 + 2) % 128) + 128, 1, 0])]),
  ],
  ['one without operators', model()],
  ['bytes that end too soon', fixture('champion').bytes.subarray(0, 200)],
  ['bytes that are no model', Buffer.from('not a model')],
  ['no bytes', new Uint8Array()],
]
for (const [name, bytes] of others) {
  test(`${name} does not count as one that does`, () => assert.equal(answersByRow(bytes), false))
}
