// Package java stands in for Pulumi's generator of Java code. The provider only
// takes this type from it, for the part of its schema that generator reads; no
// deployment asks for it.
package java

type PackageInfo struct {
	BuildFiles                      string
	GradleNexusPublishPluginVersion string
	Dependencies                    map[string]string
}
