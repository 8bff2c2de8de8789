/** Repeats an expectation until it holds. Patient, because only what never comes true may fail, however slow the machine is. */
export async function eventually(expectation: () => void | Promise<void>): Promise<void> {
  for (const end = Date.now() + 30_000; ;) {
    try {
      return await expectation();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
