/** A distribution in the height of a line of text. */
export function Bars({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...values)
  const width = 120
  const step = width / Math.max(1, values.length)
  return (
    <svg width={width} height={20} role="img" aria-label={label}>
      <title>{label}</title>
      {values.map((value, index) => {
        const height = (20 * value) / most
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar has no identity but its place.
            key={index}
            x={index * step}
            y={20 - height}
            width={Math.max(1, step - 0.5)}
            height={height}
            fill="var(--tm-champion)"
          />
        )
      })}
    </svg>
  )
}
