import * as pulumi from "@pulumi/pulumi";

/** Where the provider of Google Cloud looks for its project, in its order. */
const VARIABLES = ["GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"];

/** Project of the provider that a component's resources in Google Cloud go to; nothing where the program names none. */
export function projectOf(component: pulumi.Resource): pulumi.Input<string> | undefined {
  const provider = component.getProvider("gcp:container/cluster:Cluster") as
    { readonly project?: pulumi.Input<string | undefined> } | undefined;
  const ambient =
    new pulumi.Config("gcp").get("project") ??
    VARIABLES.map((name) => process.env[name]).find((value) => value !== undefined && value !== "");
  if (provider?.project === undefined) return ambient;
  return pulumi.output(provider.project).apply((project) => project ?? ambient ?? "");
}
