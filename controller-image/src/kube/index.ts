export * from "./api";
export { systemClock } from "./clock";
export { inClusterConfig, type KubeConfig, type Renewable } from "./config";
export { startHealth, type HealthOptions, type HealthServer } from "./health";
export { createKube, type KubeOptions } from "./kube";
export { kubeconfigOf } from "./kubeconfig";
export { errorText, jsonLog, type LogOptions } from "./log";
export { LANES, WorkQueue, type QueueCounters, type QueueLane, type WorkQueueOptions } from "./queue";
