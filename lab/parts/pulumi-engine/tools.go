//go:build tools

// Package parts pins the Pulumi engine that the lab and the engine tests run.
package parts

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
