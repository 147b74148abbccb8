import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Packed } from './pack.ts'

/** What an output tensor holds, row after row. */
export type OutputData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | readonly string[]

/** Output of a run, and what the run itself took. */
export interface Computed {
  readonly data: OutputData
  readonly milliseconds: number
}

/** A model in the ONNX runtime of this thread. Its run is synchronous: it holds the thread while the model computes. */
export class OnnxSession {
  private readonly session: InferenceSession
  private readonly makeTensor: typeof Tensor

  private constructor(session: InferenceSession, makeTensor: typeof Tensor) {
    this.session = session
    this.makeTensor = makeTensor
  }

  /** @throws Error when the bytes are no model, or it lacks one of the tensors. */
  static async load(
    bytes: Uint8Array,
    wanted: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
  ): Promise<OnnxSession> {
    // Loaded with the first model: an idle gateway does without its 30 MB.
    const { InferenceSession: Session, Tensor: makeTensor } = await import('onnxruntime-node')
    const session = await Session.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Its own lines are not JSON, and what fails is reported with the version and the prediction id.
      logSeverityLevel: 4,
    })
    const input = wanted.inputs.find((name) => !session.inputNames.includes(name))
    if (input !== undefined) throw new Error(`The model has no input "${input}".`)
    const output = wanted.outputs.find((name) => !session.outputNames.includes(name))
    if (output !== undefined) throw new Error(`The model has no output "${output}".`)
    return new OnnxSession(session, makeTensor)
  }

  /** @throws Error in the runtime's words, without the C++ function in their middle: which operator failed, and why. */
  async run(feeds: readonly Packed[], output: string): Promise<Computed> {
    const tensors: Record<string, Tensor> = {}
    for (const { tensor, type, data, shape } of feeds) {
      tensors[tensor] = new this.makeTensor(type as 'float32', data as Float32Array, shape)
    }
    let outputs: InferenceSession.OnnxValueMapType
    let start = 0
    // The runtime computes in an immediate of its own, the next one: what the loop does before it is no time of the model.
    setImmediate(() => {
      start = performance.now()
    })
    try {
      outputs = await this.session.run(tensors, [output])
    } catch (error) {
      const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()
      throw new Error(text.replace(/Status Message: \/onnxruntime_src.*\] /, '').slice(0, 500))
    }
    const milliseconds = performance.now() - start
    const tensor = outputs[output]
    if (!tensor || !('data' in tensor)) throw new Error('Its output is not a tensor.')
    return { data: tensor.data as OutputData, milliseconds }
  }

  async close(): Promise<void> {
    await this.session.release()
  }
}
