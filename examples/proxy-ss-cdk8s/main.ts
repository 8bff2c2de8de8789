import { App } from "cdk8s";
import { ProxySs } from "./chart";

const app = new App();
new ProxySs(app, "proxy-ss", {
  podpinImage: process.env["PODPIN_IMAGE"],
  namespace: process.env["NAMESPACE"],
  addresses: process.env["ADDRESSES"]?.split(","),
});
app.synth();
