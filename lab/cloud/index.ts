export { ComputeCloud, type CloudOptions } from "./cloud";
export { type Delivered } from "./deliver";
export { ConnectionLost, type CloudRequest, type CloudResponse } from "./exchange";
export { transportTo, type TransportOptions } from "./transport";
