// Does not compile, and says so at the mistake: the types reach the consumer, none has become `any`.
import { PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";

const pool = PersistentIpPool.fromAddresses("edge", {
  addresses: ["198.51.100.7"],
  // @ts-expect-error the Gateway API knows All, Same and Selector
  allowedNamespaces: "Every",
});
// @ts-expect-error an ordinal is a number
new PinnedPodRoute("proxy", { pool, statefulSet: "proxy", ordinal: "0" });
