// Bugs that the simulator has found, each as the shortest schedule that showed it. They must hold for ever.
import { Fabric } from "../../lib/model/binding";
import type { SimEvent } from "./events";

export interface Regression {
  readonly name: string;
  readonly seed: number;
  /** @default l2 */
  readonly fabric?: Fabric;
  readonly events: readonly SimEvent[];
}

export const REGRESSIONS: readonly Regression[] = [
  {
    name: "a binding that is deleted and made again is not refused for its low epoch",
    seed: 228,
    events: [{ at: 20350, kind: "class becomes another's for a while", which: 691, how: 303, ms: 500 }],
  },
  {
    name: "a late acknowledgement of a deleted binding does not reach the next one of its name",
    seed: 352,
    events: [
      { at: 9686, kind: "class becomes another's for a while", which: 427, how: 145, ms: 6000 },
      { at: 12906, kind: "pod deleted", which: 136, how: 967, ms: 50 },
      { at: 13649, kind: "node cut off from the API", which: 188, how: 110, ms: 50 },
      { at: 14211, kind: "agent dies", which: 530, how: 27, ms: 500 },
      { at: 18937, kind: "requests fail", which: 93, how: 172, ms: 50 },
      { at: 25467, kind: "route deleted", which: 753, how: 961, ms: 15000 },
    ],
  },
  {
    name: "the same, when the answer to the first attempt was lost and the second came late",
    seed: 2,
    events: [
      { at: 10000, kind: "requests fail", which: 1, how: 16, ms: 50 },
      { at: 10010, kind: "route deleted", which: 1, how: 0, ms: 2000 },
    ],
  },
  {
    name: "Ready does not stay behind on a route whose class became another's",
    seed: 36,
    events: [
      { at: 14447, kind: "gateway deleted for a while", which: 969, how: 466, ms: 50 },
      { at: 15031, kind: "class becomes another's for a while", which: 688, how: 559, ms: 15000 },
    ],
  },
  {
    name: "a node that lost power while it forwarded does not hold up the deletion of a route",
    seed: 256,
    events: [
      { at: 5457, kind: "pod created", which: 666, how: 463, ms: 50 },
      { at: 12092, kind: "pod deleted", which: 983, how: 514, ms: 50 },
      { at: 12663, kind: "node loses power", which: 717, how: 684, ms: 50 },
      { at: 14626, kind: "route deleted", which: 501, how: 301, ms: 50 },
    ],
  },
  {
    name: "the same, when a Pod was removed by force",
    seed: 306,
    events: [
      { at: 2768, kind: "pod created", which: 669, how: 601, ms: 50 },
      { at: 3539, kind: "pod created", which: 967, how: 784, ms: 50 },
      { at: 4883, kind: "pod removed by force", which: 990, how: 522, ms: 50 },
      { at: 20839, kind: "route deleted", which: 891, how: 456, ms: 50 },
      { at: 22320, kind: "node loses power", which: 39, how: 226, ms: 50 },
    ],
  },
  {
    name: "two addresses that still forward do not ask the API server in turns",
    seed: 1,
    events: [
      { at: 4607, kind: "pod created", which: 0, how: 2, ms: 500 },
      { at: 9000, kind: "pod created", which: 1, how: 2, ms: 500 },
      { at: 13000, kind: "pod created", which: 2, how: 2, ms: 500 },
    ],
  },
  {
    name: "what was answered for an address is remembered when a cache that is behind brings an older epoch",
    seed: 372,
    events: [
      { at: 7621, kind: "node cut off from everything", which: 802, how: 12, ms: 15000 },
      { at: 8352, kind: "requests fail", which: 435, how: 596, ms: 500 },
      { at: 8934, kind: "class becomes another's for a while", which: 127, how: 257, ms: 500 },
      { at: 10711, kind: "pod replaced", which: 991, how: 763, ms: 50 },
      { at: 11764, kind: "route deleted", which: 903, how: 817, ms: 2000 },
    ],
  },
  {
    name: "an agent that stood still does not repeat an announcement for an address that has moved",
    seed: 2947,
    events: [
      { at: 7682, kind: "pod created", which: 139, how: 927, ms: 2000 },
      { at: 10658, kind: "pod created", which: 34, how: 946, ms: 6000 },
      { at: 12798, kind: "pod created", which: 120, how: 450, ms: 2000 },
      { at: 12818, kind: "agent stands still", which: 874, how: 586, ms: 15000 },
      { at: 14027, kind: "new sandbox", which: 513, how: 571, ms: 500 },
    ],
  },
  {
    name: "a route whose finalizer was just taken away gets it back before its next binding",
    seed: 5306,
    events: [
      { at: 10773, kind: "node cut off from everything", which: 823, how: 499, ms: 15000 },
      { at: 11244, kind: "gateway deleted for a while", which: 981, how: 297, ms: 500 },
      { at: 11271, kind: "class becomes another's for a while", which: 400, how: 431, ms: 500 },
      { at: 11774, kind: "node drained", which: 874, how: 769, ms: 2000 },
      { at: 12076, kind: "addresses edited", which: 345, how: 694, ms: 15000 },
      { at: 12364, kind: "pod created", which: 474, how: 843, ms: 15000 },
      { at: 12888, kind: "rival", which: 572, how: 754, ms: 6000 },
      { at: 13541, kind: "pod created", which: 126, how: 768, ms: 6000 },
      { at: 15534, kind: "node cut off from the API", which: 570, how: 58, ms: 500 },
      { at: 15962, kind: "selector edited", which: 501, how: 254, ms: 500 },
      { at: 16417, kind: "selector edited", which: 522, how: 581, ms: 500 },
      { at: 16542, kind: "somebody edits the kernel", which: 541, how: 273, ms: 500 },
      { at: 17592, kind: "addresses edited", which: 92, how: 440, ms: 500 },
      { at: 17644, kind: "route deleted", which: 892, how: 989, ms: 6000 },
    ],
  },
  {
    name: "a route without a Gateway is looked at again when GKE's controller comes or goes",
    seed: 5774,
    events: [
      { at: 20223, kind: "class becomes another's for a while", which: 592, how: 867, ms: 6000 },
      { at: 20895, kind: "poison", which: 389, how: 291, ms: 50 },
    ],
  },
  {
    name: "an acknowledgement that is tried again does not arrive after its node has cleaned up",
    seed: 7942,
    events: [
      { at: 7304, kind: "pod replaced", which: 274, how: 651, ms: 6000 },
      { at: 7547, kind: "pod created", which: 59, how: 629, ms: 6000 },
      { at: 7906, kind: "pod created", which: 420, how: 384, ms: 15000 },
      { at: 8408, kind: "pod created", which: 956, how: 309, ms: 6000 },
      { at: 9509, kind: "readiness flips", which: 341, how: 741, ms: 2000 },
      { at: 10881, kind: "pod created", which: 171, how: 485, ms: 50 },
      { at: 11461, kind: "requests fail", which: 538, how: 58, ms: 15000 },
      { at: 11672, kind: "pod created", which: 485, how: 734, ms: 2000 },
      { at: 14386, kind: "pod replaced", which: 344, how: 862, ms: 500 },
    ],
  },
  {
    name: "a node that is cut off from the API server while its address moves",
    seed: 5299,
    events: [
      { at: 15621, kind: "pod created", which: 610, how: 596, ms: 50 },
      { at: 16499, kind: "node cut off from the API", which: 304, how: 644, ms: 15000 },
      { at: 16952, kind: "pod replaced", which: 651, how: 103, ms: 2000 },
      { at: 18503, kind: "gateway deleted for a while", which: 403, how: 54, ms: 6000 },
    ],
  },
  {
    name: "a node that lets go by an epoch that has ended since has not let go too early",
    seed: 919,
    events: [
      { at: 1992, kind: "readiness flips", which: 753, how: 416, ms: 500 },
      { at: 2366, kind: "pod created", which: 492, how: 403, ms: 500 },
      { at: 3621, kind: "pod created", which: 403, how: 103, ms: 2000 },
      { at: 4984, kind: "pod created", which: 134, how: 451, ms: 500 },
      { at: 5209, kind: "pod deleted", which: 30, how: 655, ms: 15000 },
      { at: 5467, kind: "pod deleted", which: 319, how: 338, ms: 6000 },
      { at: 5737, kind: "pod created", which: 353, how: 187, ms: 6000 },
    ],
  },
  {
    name: "an agent that stands still in the middle of a hand-over",
    seed: 3805,
    events: [
      { at: 20435, kind: "pod created", which: 722, how: 273, ms: 50 },
      { at: 21107, kind: "agent stands still", which: 908, how: 785, ms: 15000 },
    ],
  },
  {
    name: "an agent that is behind takes away what a later epoch will give back",
    seed: 3841,
    events: [
      { at: 16352, kind: "agent stands still", which: 288, how: 759, ms: 15000 },
      { at: 17399, kind: "pod created", which: 333, how: 984, ms: 6000 },
      { at: 23041, kind: "node unplugged", which: 395, how: 549, ms: 500 },
      { at: 23211, kind: "class becomes another's for a while", which: 783, how: 958, ms: 2000 },
    ],
  },
  {
    name: "a route whose Gateway is away for a moment keeps its addresses",
    seed: 1,
    events: [{ at: 24000, kind: "gateway deleted for a while", which: 1, how: 1, ms: 2000 }],
  },
  {
    name: "a node that has let go of what is led does not deliver again when its cache is behind",
    seed: 6701,
    fabric: Fabric.Gce,
    events: [
      { at: 8979, kind: "selector edited", which: 681, how: 62, ms: 50 },
      { at: 9125, kind: "node cut off from everything", which: 478, how: 448, ms: 6000 },
      { at: 11740, kind: "pod created", which: 983, how: 43, ms: 50 },
      { at: 12783, kind: "agent stands still", which: 615, how: 621, ms: 15000 },
      { at: 13023, kind: "pod replaced", which: 691, how: 11, ms: 50 },
      { at: 15891, kind: "delivery edited", which: 981, how: 58, ms: 50 },
    ],
  },
  {
    name: "nothing is said of where packets go while the cloud may be leading them elsewhere",
    seed: 283,
    fabric: Fabric.Gce,
    events: [
      { at: 680, kind: "cloud loses answers", which: 272, how: 205, ms: 50 },
      { at: 4765, kind: "pod deleted", which: 476, how: 121, ms: 50 },
      { at: 5558, kind: "pod created", which: 999, how: 753, ms: 50 },
      { at: 5599, kind: "pod replaced", which: 736, how: 748, ms: 50 },
      { at: 6500, kind: "cloud loses answers", which: 302, how: 499, ms: 50 },
      { at: 8051, kind: "pod replaced", which: 871, how: 322, ms: 50 },
    ],
  },
  {
    name: "a node that lets go of what is led by an epoch without an owner, ended since, has not let go too early",
    seed: 6392,
    fabric: Fabric.Gce,
    events: [
      { at: 16086, kind: "pod created", which: 84, how: 778, ms: 50 },
      { at: 16109, kind: "pod replaced", which: 492, how: 216, ms: 50 },
      { at: 16568, kind: "cloud out of reach", which: 360, how: 350, ms: 15000 },
      { at: 17540, kind: "pod replaced", which: 664, how: 696, ms: 50 },
      { at: 17678, kind: "pod created", which: 82, how: 404, ms: 50 },
      { at: 18136, kind: "readiness flips", which: 686, how: 161, ms: 50 },
      { at: 18910, kind: "pod deleted", which: 876, how: 526, ms: 50 },
      { at: 19643, kind: "pod replaced", which: 119, how: 447, ms: 50 },
      { at: 19720, kind: "readiness flaps", which: 426, how: 432, ms: 50 },
    ],
  },
  {
    name: "a controller that starts takes nothing from a node that it had no time to ask, whatever Kubernetes says of it",
    seed: 2,
    events: [
      { at: 1500, kind: "pod created", which: 2, how: 2, ms: 50 },
      { at: 20000, kind: "kubelet stands still", which: 2, how: 0, ms: 15000 },
      { at: 29000, kind: "controller replaced", which: 0, how: 0, ms: 500 },
    ],
  },
  {
    name: "a node that is cut off from the API server alone does not speak for long for an address that another one has",
    seed: 3,
    events: [
      { at: 10000, kind: "node cut off from the API", which: 0, how: 0, ms: 15000 },
      { at: 11000, kind: "pod created", which: 1, how: 2, ms: 50 },
    ],
  },
  {
    name: "what a watch tells of epochs that have ended is not believed after the node was told that the address has moved",
    seed: 3827,
    events: [
      { at: 5775, kind: "pod created", which: 160, how: 978, ms: 50 },
      { at: 8422, kind: "node cut off from the API", which: 616, how: 867, ms: 15000 },
      { at: 8555, kind: "pod replaced", which: 734, how: 85, ms: 50 },
      { at: 10408, kind: "pod replaced", which: 395, how: 61, ms: 50 },
      { at: 11142, kind: "pod created", which: 729, how: 67, ms: 50 },
      { at: 11336, kind: "pod created", which: 409, how: 644, ms: 50 },
      { at: 11553, kind: "pod replaced", which: 940, how: 686, ms: 50 },
    ],
  },
  {
    name: "a route that takes any Pod that exists says nothing of one that is not Ready",
    seed: 7,
    events: [
      { at: 10000, kind: "readiness flips", which: 1, how: 1, ms: 50 },
      { at: 17000, kind: "kubelet stands still", which: 1, how: 0, ms: 10000 },
    ],
  },
  {
    name: "who is next does not change by what is remembered of moves, as a controller that starts anew remembers none",
    seed: 8542,
    events: [
      { at: 6990, kind: "pod created", which: 999, how: 430, ms: 50 },
      { at: 6993, kind: "pod created", which: 357, how: 1, ms: 50 },
      { at: 7314, kind: "pod created", which: 6, how: 934, ms: 50 },
      { at: 7954, kind: "pod created", which: 93, how: 250, ms: 50 },
      { at: 8528, kind: "selector edited", which: 96, how: 60, ms: 50 },
      { at: 11260, kind: "pod replaced", which: 407, how: 448, ms: 50 },
      { at: 11752, kind: "pod created", which: 170, how: 597, ms: 50 },
      { at: 13695, kind: "selector edited", which: 137, how: 375, ms: 50 },
    ],
  },
  {
    name: "who has lost the lead, and hears of a route before he hears of its addresses' move, does not call it Ready",
    seed: 147,
    events: [
      { at: 4988, kind: "pod created", which: 413, how: 243, ms: 50 },
      { at: 5564, kind: "pod created", which: 290, how: 608, ms: 50 },
      { at: 7740, kind: "pod created", which: 95, how: 643, ms: 50 },
      { at: 7964, kind: "readiness flips", which: 275, how: 486, ms: 6000 },
      { at: 8267, kind: "pod replaced", which: 413, how: 326, ms: 50 },
      { at: 8907, kind: "lead is taken away", which: 0, how: 702, ms: 2000 },
    ],
  },
  {
    name: "nor does who has the lead, of what one who had it before has done since",
    seed: 148,
    fabric: Fabric.Gce,
    events: [
      { at: 12857, kind: "node cordoned", which: 586, how: 703, ms: 50 },
      { at: 13561, kind: "lead is taken away", which: 0, how: 849, ms: 50 },
      { at: 14912, kind: "pod relabelled", which: 628, how: 236, ms: 50 },
    ],
  },
  {
    name: "what one who had the lead is about to say of a route is refused before the route's addresses move, Ready or not",
    seed: 546,
    fabric: Fabric.Gce,
    events: [
      { at: 2666, kind: "readiness flips", which: 192, how: 34, ms: 15000 },
      { at: 3959, kind: "pod replaced", which: 767, how: 604, ms: 50 },
      { at: 5165, kind: "lead is taken away", which: 0, how: 441, ms: 50 },
    ],
  },
  {
    name: "a route is not called Ready by what is known of its addresses because it was written to since",
    seed: 205710,
    events: [
      { at: 3070, kind: "lead is taken away", which: 0, how: 363, ms: 2000 },
      { at: 3228, kind: "readiness flips", which: 595, how: 290, ms: 2000 },
      { at: 3995, kind: "readiness flips", which: 904, how: 148, ms: 15000 },
      { at: 7348, kind: "class becomes another's for a while", which: 880, how: 42, ms: 500 },
    ],
  },
  {
    name: "a route that another replica has just given an address is not gone before the address is released",
    seed: 208802,
    events: [
      { at: 10718, kind: "pod created", which: 72, how: 867, ms: 500 },
      { at: 11317, kind: "node cut off from everything", which: 80, how: 640, ms: 2000 },
      { at: 13950, kind: "lead is taken away", which: 0, how: 950, ms: 500 },
      { at: 14807, kind: "slow API server", which: 609, how: 748, ms: 15000 },
      { at: 15075, kind: "pod replaced", which: 887, how: 739, ms: 15000 },
      { at: 15401, kind: "route deleted", which: 556, how: 768, ms: 6000 },
      { at: 16270, kind: "pod created", which: 872, how: 473, ms: 15000 },
      { at: 16714, kind: "rival", which: 815, how: 347, ms: 500 },
    ],
  },
  {
    name: "a route is not called Ready, nor gone, while another replica may still take itself for the one that leads",
    seed: 309128,
    events: [
      { at: 2160, kind: "lead is taken away", which: 0, how: 533, ms: 500 },
      { at: 2646, kind: "slow API server", which: 901, how: 340, ms: 6000 },
      { at: 2969, kind: "class becomes another's for a while", which: 173, how: 814, ms: 50 },
    ],
  },
  {
    name: "nor when the class of a route that is not Ready yet becomes another's: what was about to be said is refused",
    seed: 5040937,
    events: [
      { at: 10606, kind: "class becomes another's for a while", which: 24, how: 15, ms: 15000 },
      { at: 16186, kind: "lead is taken away", which: 0, how: 912, ms: 50 },
      { at: 16737, kind: "class becomes another's for a while", which: 313, how: 584, ms: 6000 },
    ],
  },
  {
    name: "who has stood still, and hears of a move before he hears of the Pod that has the address now, does not take that for gone",
    seed: 5079746,
    events: [
      { at: 7740, kind: "pod created", which: 947, how: 321, ms: 2000 },
      { at: 8678, kind: "controller stands still", which: 518, how: 555, ms: 500 },
      { at: 9243, kind: "controller stands still", which: 531, how: 821, ms: 15000 },
      { at: 9255, kind: "pod replaced", which: 452, how: 601, ms: 6000 },
      { at: 9331, kind: "lead is taken away", which: 0, how: 65, ms: 2000 },
      { at: 10222, kind: "pod created", which: 841, how: 337, ms: 6000 },
    ],
  },
  {
    name: "a node that was told that an address has moved does not believe the word of before when it comes late",
    seed: 308886,
    events: [
      { at: 10852, kind: "pod deleted", which: 923, how: 956, ms: 15000 },
      { at: 11554, kind: "node cut off from the API", which: 978, how: 273, ms: 15000 },
      { at: 12703, kind: "pod created", which: 674, how: 763, ms: 15000 },
      { at: 12878, kind: "slow API server", which: 753, how: 413, ms: 2000 },
      { at: 13142, kind: "selector edited", which: 422, how: 748, ms: 500 },
      { at: 16980, kind: "delivery edited", which: 313, how: 437, ms: 500 },
    ],
  },
  {
    name: "a Pod keeps its addresses while a kubelet that was missed has not asked it yet, also when the controller starts anew",
    seed: 2,
    events: [
      { at: 40000, kind: "kubelet starts anew", which: 27, how: 256, ms: 10000 },
      { at: 53566, kind: "controller dies", which: 213, how: 156, ms: 50 },
    ],
  },
  {
    name: "the same, when it is replaced just as the kubelet is back",
    seed: 23943,
    events: [
      { at: 12787, kind: "pod replaced", which: 254, how: 862, ms: 50 },
      { at: 12973, kind: "route deleted", which: 785, how: 331, ms: 2000 },
      { at: 40000, kind: "kubelet starts anew", which: 466, how: 948, ms: 12000 },
      { at: 52536, kind: "controller replaced", which: 634, how: 374, ms: 50 },
    ],
  },
  {
    name: "the same, when it is replaced while the kubelet asks one Pod after the other",
    seed: 24963,
    events: [
      { at: 14921, kind: "addresses edited", which: 402, how: 330, ms: 50 },
      { at: 19220, kind: "node cut off from the API", which: 603, how: 575, ms: 50 },
      { at: 22023, kind: "kubelet starts anew", which: 687, how: 783, ms: 15000 },
      { at: 46023, kind: "controller replaced", which: 387, how: 878, ms: 50 },
    ],
  },
  {
    name: "an acknowledgement that was refused for long does not reach a binding of the same name that was made since",
    seed: 11,
    events: [
      { at: 9509, kind: "node loses power", which: 179, how: 43, ms: 6000 },
      { at: 10032, kind: "controller dies", which: 634, how: 813, ms: 2000 },
      { at: 11061, kind: "requests fail", which: 449, how: 769, ms: 6000 },
      { at: 11691, kind: "class becomes another's for a while", which: 648, how: 594, ms: 6000 },
      { at: 13345, kind: "pod created", which: 324, how: 860, ms: 50 },
    ],
  },
  {
    name: "an acknowledgement that arrives after its binding was read for the last time is withdrawn",
    seed: 1002044,
    events: [
      { at: 7981, kind: "slow API server", which: 303, how: 726, ms: 2000 },
      { at: 8349, kind: "pod created", which: 746, how: 602, ms: 50 },
      { at: 8762, kind: "pod created", which: 160, how: 644, ms: 50 },
      { at: 9128, kind: "pod created", which: 659, how: 632, ms: 50 },
      { at: 9559, kind: "API server down", which: 399, how: 575, ms: 2000 },
      { at: 9693, kind: "pod deleted", which: 562, how: 270, ms: 50 },
      { at: 10055, kind: "pod replaced", which: 183, how: 953, ms: 50 },
      { at: 11381, kind: "pod created", which: 270, how: 542, ms: 50 },
      { at: 11486, kind: "pod deleted", which: 393, how: 422, ms: 50 },
    ],
  },
  {
    name: "a route that was written to very often does not stay Ready while its addresses go",
    seed: 1225510,
    events: [
      { at: 5635, kind: "pod relabelled", which: 598, how: 346, ms: 500 },
      { at: 6377, kind: "pod replaced", which: 23, how: 171, ms: 15000 },
      { at: 7014, kind: "pod replaced", which: 386, how: 413, ms: 2000 },
      { at: 7746, kind: "class becomes another's for a while", which: 246, how: 917, ms: 500 },
      { at: 8090, kind: "pod replaced", which: 123, how: 449, ms: 50 },
      { at: 10057, kind: "class becomes another's for a while", which: 968, how: 374, ms: 500 },
      { at: 10488, kind: "pod replaced", which: 519, how: 876, ms: 500 },
      { at: 12397, kind: "class becomes another's for a while", which: 430, how: 603, ms: 2000 },
    ],
  },
  {
    name: "what a dead agent wrote arrives when the next one has nothing to say of the address any more",
    seed: 3008589,
    events: [
      { at: 2919, kind: "pod deleted", which: 632, how: 890, ms: 50 },
      { at: 9302, kind: "API server down", which: 246, how: 852, ms: 6000 },
      { at: 10959, kind: "controller replaced", which: 918, how: 165, ms: 50 },
      { at: 11781, kind: "kubelet starts anew", which: 171, how: 384, ms: 500 },
      { at: 12499, kind: "pod replaced", which: 546, how: 447, ms: 50 },
      { at: 13187, kind: "requests fail", which: 928, how: 98, ms: 50 },
      { at: 13401, kind: "pod relabelled", which: 859, how: 850, ms: 500 },
      { at: 19698, kind: "pod relabelled", which: 498, how: 330, ms: 50 },
      { at: 20455, kind: "agent dies", which: 837, how: 474, ms: 50 },
      { at: 21748, kind: "pod created", which: 350, how: 841, ms: 50 },
    ],
  },
  {
    name: "what a leader that died was changing in the cloud does not stay for longer than some seconds",
    seed: 3026731,
    fabric: Fabric.Gce,
    events: [
      { at: 6357, kind: "route deleted", which: 492, how: 110, ms: 50 },
      { at: 6420, kind: "cloud is slow", which: 264, how: 418, ms: 6000 },
      { at: 9218, kind: "addresses edited", which: 654, how: 470, ms: 50 },
      { at: 9525, kind: "controller dies", which: 419, how: 933, ms: 50 },
      { at: 11154, kind: "pod deleted", which: 992, how: 86, ms: 50 },
    ],
  },
  {
    name: "a node before goes on serving the Pod's second sandbox, which it could program only in part",
    seed: 8020757,
    fabric: Fabric.Gce,
    events: [
      { at: 11940, kind: "node loses power", which: 241, how: 525, ms: 2000 },
      { at: 17234, kind: "pod created", which: 485, how: 232, ms: 50 },
      { at: 17273, kind: "new sandbox", which: 957, how: 775, ms: 50 },
      { at: 18015, kind: "kernel refuses", which: 372, how: 984, ms: 500 },
    ],
  },
  {
    name: "a node that has let go does not begin again by an older version, though somebody has deleted its table",
    seed: 9009658,
    fabric: Fabric.Gce,
    events: [
      { at: 6450, kind: "pod created", which: 94, how: 646, ms: 50 },
      { at: 15674, kind: "somebody edits the kernel", which: 390, how: 560, ms: 50 },
      { at: 17090, kind: "agent sees an older version", which: 159, how: 804, ms: 50 },
    ],
  },
];
