// Addresses for the newest eligible Pod of a Deployment.
import { LATER } from "./later";
import { DEFAULT_NAMESPACE } from "./pool";
import type { PinnedWorkloadOptions } from "./pinned-stateful-set";
import { checkReadiness, checkTemplateLabels } from "./pod-template";
import type { Problems } from "./problems";
import { planRoute, type RouteInput, type RoutePlan } from "./route";
import type { DeploymentFacts } from "./workload";

/** What a pinned Deployment takes in both flavours besides its pool and its Deployment. */
export interface PinnedDeploymentOptions extends PinnedWorkloadOptions {
  /**
   * Labels of the Deployment's Pods, all of which must match. Needed where only its name is given; with the Deployment
   * itself its own selector is used. A later change takes effect at once.
   *
   * @default - the selector of the Deployment
   */
  podSelector?: Record<string, string> | undefined;
}

export interface PinnedDeploymentInput
  extends
    PinnedDeploymentOptions,
    Pick<
      RouteInput,
      "name" | "pool" | "claims" | "namespace" | "network" | "healthCheckName" | "addresses" | "podNetwork" | "others"
    > {
  /** Absent where the program gives none. */
  readonly deployment?: DeploymentFacts;
}

/** Plans the route of a pinned Deployment. */
export function planPinnedDeployment(input: PinnedDeploymentInput, problems: Problems): RoutePlan {
  const { deployment, allowNoReadinessProbe, podSelector, ...rest } = input;
  const workload = deployment && ({ kind: "Deployment", ...deployment } as const);
  if (deployment === undefined) {
    problems.add("deployment", undefined, "pass the Deployment, or its name together with podSelector");
  } else if (deployment.givenKind === "StatefulSet") {
    const want = "use PinnedStatefulSet, by which each of its Pods has its own, or PinnedPodRoute for one of them";
    problems.addFact("deployment", "a StatefulSet", want);
  } else if (deployment.labels === undefined && deployment.expressions === undefined && podSelector === undefined) {
    problems.add(
      "podSelector",
      undefined,
      "the name of a Deployment does not tell its labels: pass the Deployment, or podSelector",
    );
  }
  const told = podSelector ?? deployment?.labels;
  const route = planRoute(
    {
      ...rest,
      kind: "PinnedDeployment",
      workload,
      namespace: input.namespace ?? deployment?.namespace ?? DEFAULT_NAMESPACE,
      // Later than ever where none was told, which is said already.
      podSelector: told ?? (deployment?.expressions === undefined ? LATER : undefined),
      podSelectorExpressions: podSelector === undefined ? deployment?.expressions : undefined,
    },
    problems,
  );
  if (workload !== undefined && podSelector !== undefined) checkTemplateLabels(workload, podSelector, problems);
  if (workload !== undefined) checkReadiness(workload, route.reactionMode, allowNoReadinessProbe, problems);
  return route;
}
