// The router of the lab's VPC without a kernel: which routes it asks for.
import { Router } from "../../lab/vpc/router";

interface Batch {
  readonly lines: readonly string[];
  end(error?: Error): void;
}

function world(): { router: Router; batches: Batch[] } {
  const batches: Batch[] = [];
  const ip = (lines: readonly string[]): Promise<void> =>
    new Promise((resolve, reject) =>
      batches.push({ lines, end: (error) => (error === undefined ? resolve() : reject(error)) }),
    );
  return { router: new Router({ device: "br0", table: 7, ip }), batches };
}

/** Everything that is due has run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is told at once is one batch, and an address that goes nowhere loses its route", async () => {
  const { router, batches } = world();
  router.lead("203.0.113.1", "172.30.0.11");
  router.lead("203.0.113.2", "172.30.0.12");
  await settle();
  expect(batches.map(({ lines }) => lines)).toEqual([
    [
      "route replace 203.0.113.1/32 via 172.30.0.11 dev br0 table 7",
      "route replace 203.0.113.2/32 via 172.30.0.12 dev br0 table 7",
    ],
  ]);
  batches[0]?.end();
  await router.settled();
  router.lead("203.0.113.1", undefined);
  await settle();
  expect(batches[1]?.lines).toEqual(["route del 203.0.113.1/32 table 7"]);
});

test("of several changes while the kernel is busy the last one counts, and what is so already is not asked for", async () => {
  const { router, batches } = world();
  router.lead("203.0.113.1", "172.30.0.11");
  await settle();
  router.lead("203.0.113.1", "172.30.0.12");
  router.lead("203.0.113.1", "172.30.0.13");
  router.lead("203.0.113.2", "172.30.0.12");
  router.lead("203.0.113.2", undefined);
  batches[0]?.end();
  await settle();
  expect(batches[1]?.lines).toEqual(["route replace 203.0.113.1/32 via 172.30.0.13 dev br0 table 7"]);
  batches[1]?.end();
  await router.settled();
  router.lead("203.0.113.1", "172.30.0.13");
  await router.settled();
  expect(batches).toHaveLength(2);
});

test("a refusal of the kernel is told to whoever waits", async () => {
  const { router, batches } = world();
  router.lead("203.0.113.1", "172.30.0.11");
  await settle();
  const waiting = router.settled();
  batches[0]?.end(new Error("RTNETLINK answers: Network is unreachable"));
  await expect(waiting).rejects.toThrow("Network is unreachable");
});
