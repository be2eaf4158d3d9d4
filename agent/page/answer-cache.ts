import type { PageAnswer } from './answer.ts'

/**
 * Makes a cache of one answer, which is given again while `state`, all that it depends on, is the same. Only an answer that is being sent
 * or was sent just now is kept: the garbage collector takes any other.
 */
export function answerCache(): (state: string, render: () => PageAnswer) => PageAnswer {
  let last: { readonly state: string; readonly answer: WeakRef<PageAnswer> } | undefined
  return (state, render) => {
    const known = last?.state === state ? last.answer.deref() : undefined
    if (known) return known
    const answer = render()
    last = { state, answer: new WeakRef(answer) }
    return answer
  }
}
