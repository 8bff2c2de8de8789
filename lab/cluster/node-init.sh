#!/bin/sh
# Becomes a node in three steps: `start` joins the node's cgroups and network namespace, `enter` the other namespaces, and
# `init` runs as PID 1 of the node: mounts what makes it look like a machine, then keeps its services running.
# NODE_FOLDER, NODE_NAME, NODE_ADDRESS, NODE_NETNS, NODE_CGROUPS, CGROUP_VERSION, CGROUP_HIERARCHIES, KUBELET and
# KUBE_PROXY come from node.ts.
set -eu

start() {
  for folder in $NODE_CGROUPS; do echo $$ >"$folder/cgroup.procs"; done
  # The cgroup namespace begins where the process is now, so before `enter` moves it into a leaf.
  exec nsenter --net="/run/netns/$NODE_NETNS" unshare --cgroup "$0" enter
}

enter() {
  if [ "$CGROUP_VERSION" = 2 ]; then echo $$ >"$NODE_CGROUPS/init/cgroup.procs"; fi
  exec unshare --mount --pid --uts --ipc --fork --kill-child --mount-proc --propagation private "$0" init
}

mount_cgroup1() {
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for hierarchy in $CGROUP_HIERARCHIES; do
    case $hierarchy in
      name=*) folder=${hierarchy#name=} options=none,$hierarchy ;;
      *) folder=$hierarchy options=$hierarchy ;;
    esac
    mkdir "/sys/fs/cgroup/$folder"
    mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$folder"
    # Controllers that share a hierarchy are looked up by their own names too.
    for one in $(echo "$folder" | tr , ' '); do
      [ -e "/sys/fs/cgroup/$one" ] || ln -s "$folder" "/sys/fs/cgroup/$one"
    done
  done
}

mount_cgroup2() {
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
  done
}

# kubelet writes some machine-wide settings; it finds these files in their place, which hold what it wants already.
show_sysctl() {
  echo "$2" >"/run/sysctl/$1"
  mount --bind "/run/sysctl/$1" "/proc/sys/$(echo "$1" | tr . /)"
}

# As a service manager does. What never runs for 5 seconds is beyond help, and then so is the node.
keep_running() {
  name=$1
  shift
  quick=0
  while [ $quick -lt 8 ]; do
    since=$(date +%s)
    "$@" >>"/run/node/log/$name.log" 2>&1 && code=0 || code=$?
    if [ $(($(date +%s) - since)) -lt 5 ]; then quick=$((quick + 1)); else quick=0; fi
    echo "$name ended with code $code, at once for the last $quick times; see $name.log"
    sleep 1
  done
  kill -TERM 1
}

init() {
  trap 'exit 1' TERM
  hostname "$NODE_NAME"
  mount -t sysfs sysfs /sys # with the interfaces of this network namespace
  "mount_cgroup$CGROUP_VERSION"
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/node /run/sysctl /run/lock
  mount --bind "$NODE_FOLDER" /run/node

  # The node's own folders over the machine's: whatever a service or a Pod writes there stays on the node's disk.
  for folder in etc opt var; do
    [ -d "/$folder" ] || continue
    disk=/run/node/disk/$folder
    mkdir -p "$disk" "$disk.work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$disk,workdir=$disk.work" "node-$folder" "/$folder"
  done
  for folder in var/lib/containerd var/lib/kubelet var/lib/cni var/log/pods var/log/containers etc/cni/net.d; do
    own=/run/node/disk/$(basename "$folder")
    mkdir -p "$own" "/$folder"
    mount --bind "$own" "/$folder"
  done
  cp /run/node/10-lab.conflist /etc/cni/net.d/

  show_sysctl vm.overcommit_memory 1
  show_sysctl vm.panic_on_oom 0
  show_sysctl kernel.panic 10
  show_sysctl kernel.panic_on_oops 1
  show_sysctl kernel.keys.root_maxkeys 1000000
  show_sysctl kernel.keys.root_maxbytes 25000000
  mount --make-rshared /
  ulimit -n 65536 2>/dev/null || true

  keep_running containerd containerd -c /run/node/containerd.toml &
  until [ -S /run/containerd/containerd.sock ]; do sleep 0.05; done
  # The lab says when there is an API server; a kubelet that finds none waits longer and longer.
  until [ -e /run/node/go ]; do sleep 0.05; done
  keep_running kubelet "$KUBELET" --config=/run/node/kubelet.json --kubeconfig=/run/node/kubelet-user.json \
    --hostname-override="$NODE_NAME" --node-ip="$NODE_ADDRESS" --root-dir=/var/lib/kubelet --cert-dir=/var/lib/kubelet/pki &
  keep_running kube-proxy "$KUBE_PROXY" --config=/run/node/kube-proxy-config.json &
  # PID 1 inherits every orphan of the node.
  while :; do
    wait || true
    sleep 1
  done
}

"$1"
