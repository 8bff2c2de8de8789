import { requirePeers } from "../peers";

requirePeers("podpin/cdk8s", ["cdk8s", "constructs"], require.resolve);
