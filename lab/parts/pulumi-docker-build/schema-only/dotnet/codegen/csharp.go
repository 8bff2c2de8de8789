// Package csharp stands in for Pulumi's generator of C# code. The provider only
// takes this type from it, for the part of its schema that generator reads; no
// deployment asks for it.
package csharp

type CSharpPackageInfo struct {
	RespectSchemaVersion bool
	PackageReferences    map[string]string
}
