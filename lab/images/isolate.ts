/**
 * The command line that runs `argv` where nothing that it mounts, or writes into /run and /var/lib, is seen outside,
 * without a network, and where every process ends with it. Image tools keep their notes in those folders whatever they
 * are told about storage.
 *
 * @param keep a folder that must stay what it is, even below /run or /var/lib
 * @param network `shared` is this process's own
 */
export function isolated(argv: readonly string[], keep: string, network: "none" | "shared" = "none"): string[] {
  const script = [
    "set -e",
    // Held open by its descriptor, so that it can be put back after a folder above it was covered.
    'cd "$1"',
    "for hidden in /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs $hidden; done",
    'mkdir -p "$1"',
    // By its name alone, mount would find the folder that was just made in its place.
    '[ "$1" -ef . ] || mount --no-canonicalize --bind . "$1"',
    'cd /; shift; exec "$@"',
  ].join("\n");
  const namespaces = [
    "--mount",
    "--propagation",
    "private",
    "--pid",
    ...(network === "none" ? ["--net"] : []),
    "--ipc",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  return ["unshare", ...namespaces, "sh", "-c", script, "sh", keep, ...argv];
}
