export { isMutating, type Call } from "./calls";
export { ComputeCloud, type CloudOptions } from "./cloud";
export { type QuotaMetric, type Rate, type RateGroup } from "./conditions";
export { type Delivered, type DeliveryListener } from "./deliver";
export { ConnectionLost, type CloudRequest, type CloudResponse } from "./exchange";
export { type Duration, type Failure, type Fault } from "./inject";
export { MetadataServer, type MetadataOptions } from "./metadata";
export { serveCompute, type ComputeServer, type ServeOptions } from "./server";
export { transportTo, type TransportOptions } from "./transport";
