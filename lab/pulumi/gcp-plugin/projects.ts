// Types of gcp:projects.
import { textAt } from "../plugin/values";
import { projectOf, type FileType } from "./resource-type";

export const customRole: FileType = {
  type: "gcp:projects/iAMCustomRole:IAMCustomRole",
  nameField: "roleId",
  required: ["permissions", "title"],
  fixed: ["roleId", "project"],
  computed: ["deleted", "name", "project"],
  id(inputs, around) {
    const role = textAt(inputs, "roleId");
    // The API's own rule for the ID of a role.
    if (!/^[a-zA-Z0-9_.]{3,64}$/.test(role)) {
      throw new Error(`roleId: got "${role}"; use 3 to 64 letters, digits, underscores and periods`);
    }
    return `projects/${projectOf(inputs, around)}/roles/${role}`;
  },
  decided: (inputs, id, around) => ({ deleted: false, name: id, project: projectOf(inputs, around), stage: "GA" }),
};

export const member: FileType = {
  type: "gcp:projects/iAMMember:IAMMember",
  required: ["member", "project", "role"],
  updatable: [],
  computed: ["etag"],
  id: (inputs, around) => `${projectOf(inputs, around)}/${textAt(inputs, "role")}/${textAt(inputs, "member")}`,
  decided: () => ({ etag: "BwYpodpin0=" }),
};
