import { Config } from "@pulumi/pulumi";
import { type ImagePlatform, PersistentIpController } from "podpin/pulumi";

const config = new Config();
const controller = new PersistentIpController("podpin", {
  imageRepository: config.require("imageRepository"),
  imageBase: config.require("imageBase"),
  imagePlatforms: [config.require<ImagePlatform>("imagePlatform")],
});

export const image = controller.image;
