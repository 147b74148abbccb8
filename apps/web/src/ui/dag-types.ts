import type { Tone } from './state.tsx'

export interface DagNode {
  readonly id: string
  readonly label: string
  readonly note: string
  readonly tone: Tone
}

export interface DagProps {
  /** What the graph shows, for who cannot see it. */
  readonly caption: string
  readonly nodes: readonly DagNode[]
  readonly edges: readonly { readonly from: string; readonly to: string }[]
  readonly onPick?: (id: string) => void
}

export const NODE_WIDTH = 168
export const NODE_HEIGHT = 62
/** Height of the drawing in CSS pixels. */
export const DAG_HEIGHT = 190
