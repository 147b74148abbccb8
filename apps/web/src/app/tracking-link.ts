/**
 * The mlflow client prints links of its own UI (`/#/experiments/1/runs/RUN`): they lead to our page of the same run or experiment. Call it before the
 * router reads the address.
 */
export function openTrackingLink(): void {
  const match = /^#\/experiments\/(\d+)(?:\/runs\/([0-9a-f]{32}))?/.exec(window.location.hash)
  if (!match) return
  window.history.replaceState(null, '', match[2] ? `/runs/${match[2]}` : `/experiments/${match[1]}`)
}
