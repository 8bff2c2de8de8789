/** Repeats an expectation until it holds, at most 3 s. */
export async function eventually(expectation: () => void): Promise<void> {
  for (const end = Date.now() + 3000; ;) {
    try {
      return expectation();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
