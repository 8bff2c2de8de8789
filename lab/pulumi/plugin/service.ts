// The gRPC face of the provider: messages in, messages out.
import { Metadata, status as grpcStatus, type handleUnaryCall, type ServiceError } from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  CheckFailure,
  CheckRequest,
  CheckResponse,
  ConfigureRequest,
  ConfigureResponse,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  ErrorResourceInitFailed,
  GetSchemaRequest,
  GetSchemaResponse,
  InvokeRequest,
  InvokeResponse,
  PropertyDiff,
  ReadRequest,
  ReadResponse,
  UpdateRequest,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

import { DiffKind, type Diff } from "./difference";
import { PartialError, type PluginProvider } from "./provider";
import type { JsonObject } from "./values";

type Service = Pick<
  IResourceProviderServer,
  | "getPluginInfo"
  | "getSchema"
  | "checkConfig"
  | "diffConfig"
  | "configure"
  | "check"
  | "diff"
  | "create"
  | "read"
  | "update"
  | "delete"
  | "invoke"
  | "cancel"
>;

export function service(provider: PluginProvider, version: string): Service {
  return {
    getPluginInfo: unary(async () => new PluginInfo().setVersion(version)),
    getSchema: unary<GetSchemaRequest, GetSchemaResponse>(async () => new GetSchemaResponse().setSchema("{}")),
    checkConfig: unary(async (request: CheckRequest) => new CheckResponse().setInputs(request.getNews())),
    diffConfig: unary(async (request: DiffRequest) => {
      const olds = request.hasOldInputs() ? request.getOldInputs() : request.getOlds();
      const { changed, replaces } = provider.diffConfig(toObject(olds), toObject(request.getNews()));
      return new DiffResponse()
        .setChanges(changed.length > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE)
        .setDiffsList([...changed])
        .setReplacesList([...replaces]);
    }),
    configure: unary(async (request: ConfigureRequest) => {
      provider.configure(toObject(request.getArgs()));
      return new ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
    }),
    check: unary(async (request: CheckRequest) => {
      const { inputs, failures } = await provider.check(
        request.getUrn(),
        toObject(request.getOlds()),
        toObject(request.getNews()),
        request.getRandomseed_asU8(),
      );
      const messages = failures.map(({ property, reason }) =>
        new CheckFailure().setProperty(property).setReason(reason),
      );
      return new CheckResponse().setInputs(toStruct(inputs)).setFailuresList(messages);
    }),
    diff: unary(async (request: DiffRequest) => {
      const result = await provider.diff(
        request.getUrn(),
        toObject(request.getOlds()),
        toObject(request.getOldInputs()),
        toObject(request.getNews()),
        request.getIgnorechangesList(),
      );
      return diffResponse(result);
    }),
    create: unary(async (request: CreateRequest) => {
      const properties = toObject(request.getProperties());
      const { id, state } = await provider.create(
        request.getUrn(),
        properties,
        request.getTimeout(),
        request.getPreview(),
      );
      return new CreateResponse().setId(id).setProperties(toStruct(state));
    }),
    read: unary(async (request: ReadRequest) => {
      const state = toObject(request.getProperties());
      const found = await provider.read(request.getUrn(), request.getId(), state, toObject(request.getInputs()));
      if (found === undefined) return new ReadResponse();
      return new ReadResponse().setId(found.id).setProperties(toStruct(found.state)).setInputs(toStruct(found.inputs));
    }),
    update: unary(async (request: UpdateRequest) => {
      const state = await provider.update({
        urn: request.getUrn(),
        id: request.getId(),
        olds: toObject(request.getOlds()),
        news: toObject(request.getNews()),
        ignoreChanges: request.getIgnorechangesList(),
        timeoutSeconds: request.getTimeout(),
        preview: request.getPreview(),
      });
      return new UpdateResponse().setProperties(toStruct(state));
    }),
    delete: unary(async (request: DeleteRequest) => {
      const state = toObject(request.getProperties());
      await provider.delete(request.getUrn(), request.getId(), state, request.getTimeout());
      return new Empty();
    }),
    invoke: unary(async (request: InvokeRequest) => {
      const result = await provider.invoke(request.getTok(), toObject(request.getArgs()));
      return new InvokeResponse().setReturn(toStruct(result));
    }),
    cancel: unary<Empty, Empty>(async () => {
      provider.cancel();
      return new Empty();
    }),
  };
}

function diffResponse(result: Diff): DiffResponse {
  const some = result.changes.size > 0;
  const response = new DiffResponse()
    .setChanges(some ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE)
    .setDiffsList([...new Set([...result.changes.keys()].map(topLevel))])
    .setReplacesList([...result.replaces])
    .setDeletebeforereplace(result.deleteBeforeReplace)
    .setHasdetaileddiff(true);
  for (const [path, kind] of result.changes) {
    // A deleted property is nowhere in the new inputs: the engine must look for its old value in the old ones.
    const deleted = kind === DiffKind.delete || kind === DiffKind.deleteReplace;
    response.getDetaileddiffMap().set(path, new PropertyDiff().setKind(kind).setInputdiff(deleted));
  }
  return response;
}

function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

function unary<Request, Response>(answer: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}

function toServiceError(error: unknown): Partial<ServiceError> {
  if (!(error instanceof PartialError)) {
    return { code: grpcStatus.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
  }
  const detail = new ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(toStruct(error.state))
    .setInputs(toStruct(error.inputs))
    .setReasonsList([...error.reasons]);
  const any = new Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const message = new Status().setCode(grpcStatus.UNKNOWN).setMessage(error.message).setDetailsList([any]);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(message.serializeBinary()));
  return { code: grpcStatus.UNKNOWN, details: error.message, metadata };
}

function toObject(struct: Struct | undefined): JsonObject {
  return (struct?.toJavaScript() ?? {}) as JsonObject;
}

function toStruct(object: JsonObject): Struct {
  // Round-tripped, because a Struct cannot hold `undefined`.
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(object)) as JsonObject);
}
