// /proc/self/mountinfo, see proc_pid_mountinfo(5).
export interface Mount {
  readonly mountPoint: string;
  readonly root: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before, after] = line.split(" - ", 2);
    const fields = before?.split(" ") ?? [];
    const [root, mountPoint] = [fields[3], fields[4]];
    const [type, , superOptions] = after?.split(" ") ?? [];
    if (root === undefined || mountPoint === undefined || type === undefined) return [];
    return [
      {
        mountPoint: unescape(mountPoint),
        root: unescape(root),
        type,
        superOptions: superOptions?.split(",") ?? [],
      },
    ];
  });
}

// The kernel writes space, tab, newline and backslash as three octal digits.
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
