import type { WholeAnswer } from '../http/answer.ts'

/**
 * Keeps the last answer and gives it again while `state`, all that it depends on, is the same. Only answers that are being sent or
 * were sent just now are kept: the garbage collector takes the others.
 */
export function shareLast(): (state: string, render: () => WholeAnswer) => WholeAnswer {
  let last: { readonly state: string; readonly answer: WeakRef<WholeAnswer> } | undefined
  return (state, render) => {
    const known = last?.state === state ? last.answer.deref() : undefined
    if (known) return known
    const answer = render()
    last = { state, answer: new WeakRef(answer) }
    return answer
  }
}
