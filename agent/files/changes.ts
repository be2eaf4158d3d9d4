/** A state of which each change is told once, however often it is set. */
export class Changing<State> {
  #state: State

  constructor(initial: State) {
    this.#state = initial
  }

  get state(): State {
    return this.#state
  }

  /** Returns whether it was another before. */
  set(state: State): boolean {
    const hasChanged = state !== this.#state
    this.#state = state
    return hasChanged
  }
}
