/** Whether an Accept or Accept-Encoding header (RFC 9110 §12.5) takes `wanted`, and prefers it at least as much as `otherwise`. */
export function prefers(header: string | undefined, wanted: string, otherwise: string): boolean {
  const weights = new Map(header?.split(',').map(weigh))
  const weight = weights.get(wanted) ?? 0
  return weight > 0 && weight >= (weights.get(otherwise) ?? 0)
}

function weigh(choice: string): [string, number] {
  const [name = '', ...parameters] = choice.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))
  return [name, quality === undefined ? 1 : Number(quality.slice(2))]
}
