import { progressOn } from "../../lab/progress";

function screen(isTTY: boolean): { text: string; write(text: string): void; isTTY: boolean; columns: number } {
  return {
    isTTY,
    columns: 60,
    text: "",
    write(text) {
      this.text += text;
    },
  };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Progress on a clock that the test moves. */
function watched(isTTY: boolean) {
  const on = screen(isTTY);
  let time = 0;
  const progress = progressOn(on, () => time);
  const pass = (ms: number): void => {
    time += ms;
    jest.advanceTimersByTime(ms);
  };
  return { on, progress, pass };
}

test("a log gets one line for a step that is over at once", async () => {
  const { on, progress, pass } = watched(false);
  await progress.step("etcd", "looking", async (update) => {
    pass(400);
    update("from the cache");
  });
  expect(on.text).toBe("✓ etcd                       from the cache                                  0.4 s\n");
});

test("a log gets a sign of life from a long step", async () => {
  const { on, progress, pass } = watched(false);
  await progress.step("kube-apiserver", "building (1 of 9)", async () => {
    for (let i = 0; i < 260; i++) pass(250);
  });
  expect(on.text.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    "… kube-apiserver building (1 of 9) 1.0 s",
    "… kube-apiserver building (1 of 9) 31 s",
    "… kube-apiserver building (1 of 9) 61 s",
    "✓ kube-apiserver building (1 of 9) 65 s",
    "",
  ]);
});

test("a step that fails says why in one line and passes its error on", async () => {
  const { on, progress } = watched(false);
  const step = progress.step("etcd", "building", () => Promise.reject(new Error("exit 1\n  undefined: thing")));
  await expect(step).rejects.toThrow("undefined: thing");
  expect(on.text).toMatch(/^✗ etcd +exit 1 +0\.0 s\n$/);
});

test("a terminal shows the running steps in one line, never wider than the window", async () => {
  const { on, progress, pass } = watched(true);
  await progress.step("etcd", "building", () =>
    progress.step("kubectl", "a text that is far too long for sixty columns", async () => {
      on.text = "";
      pass(120);
      expect(on.text).toMatch(/^\r\x1b\[2K[⠋-⠿] etcd: building, 0\.1 s · kubectl: a text that is far too l$/u);
    }),
  );
});

test("a terminal keeps nothing of the live line below a line that stays", async () => {
  const { on, progress, pass } = watched(true);
  await progress.step("etcd", "building", async () => {
    pass(120);
    on.text = "";
    progress.note("hello");
    expect(on.text).toBe("\r\x1b[2Khello\n");
  });
});
