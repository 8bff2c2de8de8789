//go:build tools

// Package parts pins the provider that builds images for Pulumi programs, in the
// version of the npm package, and the daemon that builds for it, in the version
// that the provider's own client is made with.
package parts

import (
	_ "github.com/moby/buildkit/cmd/buildkitd"
	_ "github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build"
)
