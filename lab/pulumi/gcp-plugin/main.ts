// Stand-in for the Pulumi plugin `pulumi-resource-gcp`, for machines that do not have the real one: the few types that
// podpin's components declare, in the stand-in for Compute and in a file.
import { resolve } from "node:path";

import { serve } from "../plugin/serve";
import { Cloud, GCP_STATE } from "./cloud";
import { ComputeCalls, GCP_COMPUTE, overHttp } from "./compute-calls";
import { Provider } from "./provider";
import { controlPlane } from "./settings";

/** Set when the plugin is bundled: the version of the SDK it stands in for. */
declare const STAND_IN_VERSION: string;

const file = process.env[GCP_STATE];
if (file === undefined || file === "") {
  console.error(`pulumi-resource-gcp: ${GCP_STATE}: got nothing; set it to the path of the file that is the cloud`);
  process.exit(2);
}
const calls = new ComputeCalls(overHttp(process.env[GCP_COMPUTE]));
serve("pulumi-resource-gcp", STAND_IN_VERSION, () => new Provider(new Cloud(resolve(file)), calls, controlPlane()));
