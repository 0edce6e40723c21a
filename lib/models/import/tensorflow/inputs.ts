import type { Options } from './network.js';
import { numbersOf, type Value, type Values } from './values.js';

/** What an operator takes. */
export class Inputs {
  readonly #values: readonly (Value | undefined)[];

  constructor(values: readonly (Value | undefined)[]) {
    this.#values = values;
  }

  get all(): Value[] {
    return this.#values.map((_, i) => this.at(i));
  }

  at(number: number): Value {
    const value = this.#values[number];
    if (!value) throw new Error(`lacks input ${number}`);
    return value;
  }

  optional(number: number): Value | undefined {
    return this.#values[number];
  }

  /** The numbers of an input that must be a constant. */
  numbers(number: number): number[] {
    return numbersOf(this.at(number), `input ${number}`);
  }
}

/** Builds ONNX nodes for an operator. Throws an `Error` whose message follows the operator's name. */
export type Build = (values: Values, inputs: Inputs, options: Options, list: readonly number[]) => Value;
