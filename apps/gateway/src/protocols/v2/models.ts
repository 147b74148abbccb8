import type { ServedEndpoint } from '../../snapshot/serving.ts'
import { DATATYPE_OF_COLUMN, type Datatype, datatypeOfNumpy } from './datatypes.ts'
import { ONLY_OUTPUT } from './response.ts'

/** The number of a version, as in 3 of `films/3`. */
export function numberOf(version: string): string {
  return version.slice(version.lastIndexOf('/') + 1)
}

/** Versions that an endpoint answers with now, the champion first. */
export function versionsOf({ champion, tried }: ServedEndpoint): string[] {
  return [champion, ...tried].map((each) => numberOf(each.version))
}

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
  return {
    name: endpoint.spec.name,
    versions: versionsOf(endpoint),
    platform: `tidemark_${endpoint.spec.champion.runtime.kind}`,
    inputs: inputsOf(endpoint),
    outputs: [{ name: ONLY_OUTPUT, datatype: 'FP64', shape: [-1] }],
  }
}

/** The model configuration of Triton's extension, as far as it means something here. */
export function configOf(endpoint: ServedEndpoint) {
  const { name, platform, inputs, outputs } = metadataOf(endpoint)
  const tensor = (each: TensorMetadata) => ({
    name: each.name,
    data_type: each.datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${each.datatype}`,
    dims: each.shape.slice(1).length > 0 ? each.shape.slice(1) : [1],
  })
  return {
    name,
    platform,
    backend: endpoint.spec.champion.runtime.kind,
    max_batch_size: 0,
    input: inputs.map(tensor),
    output: outputs.map((each) => tensor(each as TensorMetadata)),
  }
}
