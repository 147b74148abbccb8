import '@xyflow/react/dist/style.css'
import dagre from '@dagrejs/dagre'
import { useComputedColorScheme } from '@mantine/core'
import { Background, Handle, type Node, type NodeProps, Position, ReactFlow } from '@xyflow/react'
import { useMemo } from 'react'
import styles from './dag.module.css'
import { type DagNode, type DagProps, NODE_HEIGHT as HEIGHT, NODE_WIDTH as WIDTH } from './dag-types.ts'
import { StateChip, type Tone } from './state.tsx'

/** The drawing of a graph from left to right, by React Flow. */
export function Flow(props: DagProps) {
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => layout(props.nodes, props.edges), [props.nodes, props.edges])
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      colorMode={scheme}
      fitView
      fitViewOptions={{ padding: 0.08, maxZoom: 1 }}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      zoomOnScroll={false}
      panOnScroll={false}
      preventScrolling={false}
      onNodeClick={(_, node) => props.onPick?.(node.id)}
      proOptions={{ hideAttribution: true }}
    >
      <Background gap={16} size={1} />
    </ReactFlow>
  )
}

type StepNode = Node<{ label: string; note: string; tone: Tone }, 'step'>

function Step({ data }: NodeProps<StepNode>) {
  return (
    <div className={styles.node}>
      <Handle type="target" position={Position.Left} className={styles.handle ?? ''} />
      <strong>{data.label}</strong>
      <StateChip tone={data.tone}>{data.note}</StateChip>
      <Handle type="source" position={Position.Right} className={styles.handle ?? ''} />
    </div>
  )
}

const NODE_TYPES = { step: Step }

function layout(nodes: readonly DagNode[], edges: readonly { readonly from: string; readonly to: string }[]) {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 36, ranksep: 56 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id } of nodes) graph.setNode(id, { width: WIDTH, height: HEIGHT })
  for (const { from, to } of edges) graph.setEdge(from, to)
  dagre.layout(graph)
  const placed: StepNode[] = nodes.map(({ id, label, note, tone }) => {
    const { x, y } = graph.node(id)
    return {
      id,
      type: 'step',
      position: { x: x - WIDTH / 2, y: y - HEIGHT / 2 },
      data: { label, note, tone },
      width: WIDTH,
      height: HEIGHT,
    }
  })
  const drawn = edges.map(({ from, to }) => ({ id: `${from}>${to}`, source: from, target: to }))
  return { nodes: placed, edges: drawn }
}
