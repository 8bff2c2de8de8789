// What the lab says of arguments that it does not have, before it makes anything.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

jest.setTimeout(120_000);

const USE = "use --fabric l2 or --fabric gce, or nothing for l2";

test.each([
  [["--fabric", "aws"], `--fabric: got "aws"; ${USE}`],
  [["--help"], `Unknown option '--help'; ${USE}`],
  [["--fabric"], `Option '--fabric <value>' argument missing; ${USE}`],
])("%j is answered with what there is", (args, answer) => {
  const lab = join(__dirname, "../../lab/main.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", lab, ...args], {
    encoding: "utf8",
  });
  expect([status, stdout, stderr]).toEqual([2, "", `${answer}\n`]);
});
