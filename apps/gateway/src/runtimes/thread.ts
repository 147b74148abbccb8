import { parentPort } from 'node:worker_threads'
import { OnnxSession, type OutputData } from './session.ts'
import type { ThreadAnswer, ThreadQuestion } from './threads.ts'

/** The program of a thread that computes what would hold the gateway's event loop for too long. */
const sessions = new Map<number, Promise<OnnxSession>>()
const NOTHING = { data: [], milliseconds: 0 }

parentPort?.on('message', (question: ThreadQuestion) => {
  void answer(question).then(({ message, transfer }) => parentPort?.postMessage(message, transfer))
})

async function answer(question: ThreadQuestion): Promise<{ message: ThreadAnswer; transfer: ArrayBuffer[] }> {
  const { id, session } = question
  try {
    switch (question.do) {
      case 'load':
        sessions.set(session, OnnxSession.load(question.bytes, question.wanted))
        await sessions.get(session)
        return { message: { id, ...NOTHING }, transfer: [] }
      case 'run': {
        const loaded = await sessions.get(session)
        if (!loaded) throw new Error('It was unloaded.')
        const computed = await loaded.run(question.feeds, question.output)
        const { milliseconds } = computed
        const data = own(computed.data)
        return {
          message: { id, data, milliseconds },
          transfer: ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : [],
        }
      }
      case 'close': {
        const loaded = sessions.get(session)
        sessions.delete(session)
        await loaded?.then((open) => open.close())
        return { message: { id, ...NOTHING }, transfer: [] }
      }
    }
  } catch (error) {
    return { message: { id, error: error instanceof Error ? error.message : String(error) }, transfer: [] }
  }
}

/** A copy whose memory is JavaScript's: the runtime's own cannot be given away. */
function own(data: OutputData): OutputData {
  return ArrayBuffer.isView(data) ? (data.slice() as OutputData) : data
}
