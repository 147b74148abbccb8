import type { ServedEndpoint } from '../../snapshot/serving.ts'
import { versionsOf } from '../versions.ts'
import { DATATYPE_OF_COLUMN, type Datatype, datatypeOfNumpy } from './datatypes.ts'
import { ONLY_OUTPUT } from './response.ts'

interface TensorMetadata {
  readonly name: string
  readonly datatype: Datatype
  readonly shape: readonly number[]
}

function inputsOf({ spec }: ServedEndpoint): TensorMetadata[] {
  switch (spec.input.kind) {
    case 'columns':
      return spec.columns.map(({ name, type }) => ({ name, datatype: DATATYPE_OF_COLUMN[type], shape: [-1, 1] }))
    case 'tensors':
      return spec.input.tensors.map(({ name, dtype, shape }) => ({
        name: name || 'input',
        datatype: datatypeOfNumpy(dtype),
        shape,
      }))
    case 'any':
      return []
  }
}

/** `GET /v2/models/NAME`. */
export function metadataOf(endpoint: ServedEndpoint) {
  const outputs: readonly TensorMetadata[] = [{ name: ONLY_OUTPUT, datatype: 'FP64', shape: [-1] }]
  return {
    name: endpoint.spec.name,
    versions: versionsOf(endpoint),
    platform: `tidemark_${endpoint.spec.champion.runtime.kind}`,
    inputs: inputsOf(endpoint),
    outputs,
  }
}

/** The model configuration of Triton's extension, as far as it means something here. */
export function configOf(endpoint: ServedEndpoint) {
  const { name, platform, inputs, outputs } = metadataOf(endpoint)
  const tensor = (each: TensorMetadata) => ({
    name: each.name,
    data_type: each.datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${each.datatype}`,
    // The whole shape: only with a `max_batch_size` above zero would the first size go without saying.
    dims: each.shape,
  })
  return {
    name,
    platform,
    backend: endpoint.spec.champion.runtime.kind,
    max_batch_size: 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
  }
}
