import { podNamespaces } from "../../controller-image/src/agent/enter";
import type { PodChange } from "../../controller-image/src/agent/inside";
import type { Commands } from "../../controller-image/src/fabric/commands";

// What nsenter, ip and the shell answer; test/kernel/interface.test.ts has them really answer.

const POD = "10.244.1.11";
const ADDRESSES = JSON.stringify([
  { ifname: "eth0", ifindex: 2, addr_info: [{ family: "inet", local: POD, label: "eth0" }] },
]);
const LOOK = `${ADDRESSES}\n[]\n`;
const ENTER: PodChange = {
  namespace: "cni-1",
  device: "eth0",
  ifindex: 2,
  lines: ["address replace 192.0.2.1/32 dev eth0 label eth0:podpin"],
};
const LEAVE: PodChange = { namespace: "cni-1", device: "eth0", lines: ["address del 192.0.2.1/32 dev eth0"] };

class Answers {
  readonly asked: string[] = [];
  /** Standard output and standard error, or what is thrown. */
  answer: (argv: readonly string[]) => { stdout?: string; stderr?: string } = () => ({ stdout: LOOK });

  readonly pods = podNamespaces("/run/pods", {
    run: (argv: readonly string[]) => {
      this.asked.push(argv.join(" "));
      const { stdout = "", stderr = "" } = this.answer(argv);
      return Promise.resolve({ code: stderr === "" ? 0 : 1, stdout, stderr });
    },
  } as Commands);
}

let answers: Answers;
beforeEach(() => (answers = new Answers()));

const wanted = new Map([[POD, "cni-1"]]);

test("looks once, and again where that is asked for or something was changed", async () => {
  expect((await answers.pods.look(wanted, [])).get(POD)).toMatchObject({ device: "eth0", ifindex: 2 });
  await answers.pods.look(wanted, []);
  expect(answers.asked).toEqual(["nsenter --net=/run/pods/cni-1 ip -d -N -j -force -batch -"]);
  await answers.pods.look(wanted, "all");
  await answers.pods.look(wanted, [POD]);
  await answers.pods.look(wanted, ["10.244.1.12"]);
  expect(answers.asked).toHaveLength(3);
  await answers.pods.change(LEAVE);
  await answers.pods.look(wanted, []);
  expect(answers.asked).toHaveLength(5);
});

test("looks again into another namespace with the same Pod address", async () => {
  await answers.pods.look(wanted, []);
  await answers.pods.look(new Map([[POD, "cni-2"]]), []);
  expect(answers.asked.at(-1)).toContain("/run/pods/cni-2");
});

test("a Pod without a name has a problem, and is not looked for", async () => {
  expect((await answers.pods.look(new Map([[POD, undefined]]), "all")).get(POD)).toEqual({
    problem: "no network namespace in /run/pods belongs to the Pod's address 10.244.1.11",
  });
  expect(answers.asked).toEqual([]);
});

test.each<[string, Answers["answer"], string]>([
  [
    "nsenter is refused",
    () => ({ stderr: "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted" }),
    "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted",
  ],
  ["half of the answer is missing", () => ({ stdout: "[]\n" }), 'ip gave no answer to "route show": no error either'],
  [
    "nsenter is not there",
    () => {
      throw new Error("cannot run nsenter: spawn nsenter ENOENT");
    },
    "cannot run nsenter: spawn nsenter ENOENT",
  ],
])("when %s only that Pod has a problem", async (_title, answer, problem) => {
  answers.answer = answer;
  expect((await answers.pods.look(wanted, "all")).get(POD)).toEqual({
    problem: `network namespace cni-1: ${problem}`,
  });
});

test("the neighbours' setting comes before the address", async () => {
  answers.answer = (argv) => ({ stdout: argv.includes("sh") ? "2\n" : "" });
  expect(await answers.pods.change(ENTER)).toBeUndefined();
  expect(answers.asked.map((line) => line.split(" ")[2])).toEqual(["sh", "ip"]);
});

test.each<[string, PodChange, string, string | undefined]>([
  [
    "a namespace without a name: the address went with it",
    LEAVE,
    "nsenter: cannot open /run/pods/cni-1: No such file or directory",
    undefined,
  ],
  [
    "a name without a namespace: the address went with it",
    LEAVE,
    "nsenter: reassociate to namespace 'ns/net' failed: Invalid argument",
    undefined,
  ],
  [
    "too few rights: the address is still there",
    LEAVE,
    "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted",
    "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted (network namespace cni-1)",
  ],
  ["gone already", LEAVE, "RTNETLINK answers: Cannot assign requested address\nCommand failed -:1", undefined],
  [
    "no room for a setting",
    ENTER,
    "cat: can't open",
    "arp_announce of eth0: cat: can't open (network namespace cni-1)",
  ],
])("%s", async (_title, change, stderr, why) => {
  answers.answer = () => ({ stderr });
  expect(await answers.pods.change(change)).toBe(why);
});

test("a refused address is said with its line", async () => {
  answers.answer = (argv) =>
    argv.includes("sh") ? { stdout: "2\n" } : { stderr: "RTNETLINK answers: Permission denied\nCommand failed -:1\n" };
  expect(await answers.pods.change(ENTER)).toBe(
    "ip address replace 192.0.2.1/32 dev eth0 label eth0:podpin: RTNETLINK answers: Permission denied (network namespace cni-1)",
  );
});
