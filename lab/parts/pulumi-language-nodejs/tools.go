//go:build tools

// Package parts pins the Pulumi language host for Node.js that the lab and the
// engine tests run. Later versions are a module of their own with other
// dependencies; this one drives the current SDK.
package parts

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
