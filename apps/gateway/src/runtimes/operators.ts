/**
 * Operators whose value for a row is computed from that row alone, by the same steps in the same order however many rows there are: they look up,
 * compare, convert, or do one exactly rounded operation an element. A tree ensemble adds up its trees in their order for each row. Not here: what
 * multiplies matrices, sums or approximates (MatMul, Gemm, ReduceSum, Exp, the linear models), whose kernels round otherwise for one row than for many.
 */
const BY_ROW = new Set(
  [
    [
      '',
      'Abs Add Cast Concat Div Equal Gather Greater GreaterOrEqual Identity IsNaN Less LessOrEqual Mul Neg Not Reshape',
    ],
    ['', 'Squeeze Sub Unsqueeze Where'],
    ['ai.onnx.ml', 'ArrayFeatureExtractor Binarizer Imputer LabelEncoder OneHotEncoder Scaler'],
    ['ai.onnx.ml', 'TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor'],
  ].flatMap(([domain, names = '']) => names.split(' ').map((name) => `${domain}:${name}`)),
)

/**
 * Whether every operator of an ONNX model answers each row as if it had come alone, to the last bit. A model that cannot be read, or that brings functions of
 * its own, does not count as one.
 */
export function answersByRow(model: Uint8Array): boolean {
  try {
    let nodes = 0
    for (const part of fieldsOf(model)) {
      if (part.field === MODEL.functions) return false
      if (part.field !== MODEL.graph) continue
      for (const node of fieldsOf(part.bytes)) {
        if (node.field !== GRAPH.node) continue
        nodes += 1
        if (!BY_ROW.has(operatorOf(node.bytes))) return false
      }
    }
    return nodes > 0
  } catch {
    return false
  }
}

// Field numbers of onnx.proto (github.com/onnx/onnx).
const MODEL = { graph: 7, functions: 25 }
const GRAPH = { node: 1 }
const NODE = { operator: 4, domain: 7 }

function operatorOf(node: Uint8Array): string {
  let [operator, domain] = ['', '']
  for (const { field, bytes } of fieldsOf(node)) {
    if (field === NODE.operator) operator = Buffer.from(bytes).toString()
    if (field === NODE.domain) domain = Buffer.from(bytes).toString()
  }
  return `${domain === 'ai.onnx' ? '' : domain}:${operator}`
}

/** The fields of a protobuf message that have a length: messages and texts. @throws RangeError when it is none */
function* fieldsOf(message: Uint8Array): Generator<{ readonly field: number; readonly bytes: Uint8Array }> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++]
      if (byte === undefined) throw new RangeError('It ends within a number.')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    switch (key % 8) {
      case 0:
        varint()
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = varint()
        if (at + length > message.length) throw new RangeError('It ends within a field.')
        yield { field: Math.floor(key / 8), bytes: message.subarray(at, at + length) }
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new RangeError('It is no protobuf message.')
    }
  }
}
