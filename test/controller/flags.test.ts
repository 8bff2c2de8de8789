// What the program of the controller understands, and that it says everything that is wrong at once.
import { controllerArguments } from "../../lib/model/controller-deployment";
import { planController, type ControllerInput } from "../../lib/model/controller";
import { Problems } from "../../lib/model/problems";
import { readFlags } from "../../controller-image/src/controller/flags";

const told = (input: Partial<ControllerInput>) => {
  const problems = new Problems();
  const plan = planController({ image: "registry.example.com/podpin:0.1.0", ...input }, problems);
  expect(problems.lines).toEqual([]);
  const projects = { project: "my-project", hostProject: input.googleCloudHostProject as string | undefined };
  const [command, ...flags] = controllerArguments(plan, projects);
  expect(command).toBe("controller");
  return readFlags(flags);
};
const IDENTITY = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };

test("without a project there is no cloud", () => {
  expect(told({ installGkeApi: false, clusterCidrs: ["10.0.0.0/8"] })).toEqual({
    installGkeApi: false,
    clusterCidrs: ["10.0.0.0/8"],
  });
});

test.each([
  [{}, {}],
  [{ googleCloudDriver: "target-instance" as const }, { driver: "target-instance" }],
  [
    { googleCloudEndpoint: "https://compute-mine.p.googleapis.com/compute/v1/" },
    { endpoint: "https://compute-mine.p.googleapis.com/compute/v1/" },
  ],
  [
    { googleCloudFirewallSources: ["203.0.113.0/24", "0.0.0.0/0"], googleCloudFirewallTags: ["nodes"] },
    { firewallSources: ["203.0.113.0/24", "0.0.0.0/0"], firewallTags: ["nodes"] },
  ],
  [{ googleCloudHostProject: "my-network" }, { hostProject: "my-network" }],
  [{ replaceLostPods: true }, { replaceLostPods: true }],
])("the component's %j reaches the program", (options, understood) => {
  expect(told({ ...IDENTITY, ...options }).googleCloud).toEqual({
    driver: "ha-policy",
    project: "my-project",
    hostProject: undefined,
    endpoint: undefined,
    firewallSources: [],
    firewallTags: [],
    replaceLostPods: false,
    ...understood,
  });
});

test.each([
  [["--cluster-cidr=10.0.0.1/8"], "--cluster-cidr: got 10.0.0.1/8; use IPv4 ranges such as 10.0.0.0/8"],
  [
    ["--google-cloud=fast", "--google-cloud-firewall-source=x", "--google-cloud-endpoint=https://example.com/"],
    [
      "--google-cloud-firewall-source: got x; use IPv4 ranges such as 10.0.0.0/8",
      '--google-cloud: got "fast"; use "ha-policy" or "target-instance"',
      "--google-cloud-project: got nothing; use the id of the project that has the addresses",
      "--google-cloud-endpoint: got https://example.com/; use a URL that ends with /compute/v1/, such as https://compute.googleapis.com/compute/v1/",
    ].join("\n"),
  ],
  [
    ["--google-cloud-project=my-project", "--google-cloud-host-project=my-network", "--replace-lost-pods"],
    "--google-cloud: got nothing; --google-cloud-project, --google-cloud-host-project, --replace-lost-pods need it",
  ],
  [
    ["--google-cloud=ha-policy", "--google-cloud-project=my-project", "--google-cloud-host-project="],
    "--google-cloud-host-project: got nothing; use the id of the Shared VPC's host project, or leave it out",
  ],
])("%j is refused with everything that is wrong", (flags, message) => {
  expect(() => readFlags(flags)).toThrow(new Error(message));
});
