// Stand-in for the Pulumi plugin `pulumi-resource-kubernetes`, for machines that do not have the real one: real API calls,
// and of the real plugin's behaviour what programs on plain objects can see.
import { serve } from "../plugin/serve";
import { Provider } from "./provider";

/** Set when the plugin is bundled: the version of the SDK it stands in for. */
declare const STAND_IN_VERSION: string;

serve("pulumi-resource-kubernetes", STAND_IN_VERSION, (logFor) => new Provider(logFor));
