import { requirePeers } from "../peers";

requirePeers("podpin/pulumi", ["@pulumi/pulumi", "@pulumi/kubernetes"], require.resolve);
