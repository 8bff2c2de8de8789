// By which hardware addresses a machine of the lab is known: the one that it was given, and the one that a fault gives it.
import { macOf } from "../../lab/cluster/plan";

export const otherMacOf = (address: string): string => macOf(address).replace("02:", "06:");

export const isOf = (mac: string, address: string): boolean => mac === macOf(address) || mac === otherMacOf(address);
