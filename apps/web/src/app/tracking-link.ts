import { rememberWorkspace } from './session.ts'

/**
 * The mlflow client prints links of its own UI (`/#/experiments/1/runs/RUN?workspace=team-a`): they lead to our page of the same run or
 * experiment, in its workspace. Call it before the router reads the address.
 */
export function openTrackingLink(): void {
  const match = /^#\/experiments\/(\d+)(?:\/runs\/([0-9a-f]{32}))?/.exec(window.location.hash)
  if (!match) return
  const workspace = /[?&]workspace=([a-z0-9-]+)/.exec(window.location.hash)?.[1]
  if (workspace) rememberWorkspace(workspace)
  window.history.replaceState(null, '', match[2] ? `/runs/${match[2]}` : `/experiments/${match[1]}`)
}
