import { App } from "cdk8s";
import { Broker } from "./chart";

const { PROJECT, SETUP_IMAGE, ADDRESSES } = process.env;
if (PROJECT === undefined || SETUP_IMAGE === undefined) {
  throw new Error("set PROJECT to the project of the addresses, and SETUP_IMAGE to an image with iproute2");
}

const app = new App();
new Broker(app, "broker", { project: PROJECT, setupImage: SETUP_IMAGE, addresses: ADDRESSES?.split(",") });
app.synth();
