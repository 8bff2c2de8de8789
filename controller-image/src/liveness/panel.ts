// Who is asked about suspects: a few nodes, chosen by chance and kept while they answer, so that what each of them has seen
// adds up.
import { WITNESSES } from "./times";

/** So many suspects a witness is asked about before more witnesses are called. */
const SUSPECTS_EACH = 8;

export class Panel {
  #members: string[] = [];
  #slots = new Map<string, number>();
  #nextSlot = 0;

  constructor(private readonly random: () => number) {}

  /**
   * Whom to ask about whom in this round.
   *
   * @param able nodes that answer
   */
  round(suspects: readonly string[], able: readonly string[]): ReadonlyMap<string, readonly string[]> {
    const present = new Set(able);
    const size = Math.min(able.length, WITNESSES * Math.ceil(suspects.length / SUSPECTS_EACH));
    const free = able.filter((name) => !this.#members.includes(name));
    const draw = (): string | undefined => free.splice(Math.floor(this.random() * free.length), 1)[0];
    // In its place, so that everybody else's share stays the same.
    this.#members = this.#members.flatMap((name) => (present.has(name) ? name : (draw() ?? [])));
    while (this.#members.length < size) {
      const name = draw();
      if (name === undefined) break;
      this.#members.push(name);
    }
    const round = new Map<string, string[]>();
    for (const suspect of suspects) {
      const slot = this.#slots.get(suspect) ?? this.#nextSlot++;
      this.#slots.set(suspect, slot);
      for (let k = 0; k < Math.min(WITNESSES, this.#members.length); k++) {
        const witness = this.#members[(slot + k) % this.#members.length] ?? "";
        round.set(witness, [...(round.get(witness) ?? []), suspect]);
      }
    }
    return round;
  }

  /** Nobody is suspect any more. */
  dismiss(): void {
    this.#members = [];
    this.#slots.clear();
  }
}
