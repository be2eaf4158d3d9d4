/** Tells whether a state has changed, so that each change is logged once, however often the state is observed. */
export class ChangeDetector<State> {
  #state: State

  constructor(initial: State) {
    this.#state = initial
  }

  get state(): State {
    return this.#state
  }

  /** Sets the state and returns whether it was another before. */
  changesTo(state: State): boolean {
    const hasChanged = state !== this.#state
    this.#state = state
    return hasChanged
  }
}
