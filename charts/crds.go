// Package charts gives programs that install Seaway without Helm the same definitions that the
// chart installs.
package charts

import (
	"embed"
	"io/fs"
)

//go:embed seaway/crds/*.yaml
var files embed.FS

// CRDs are the CustomResourceDefinitions of the hub, one YAML document a file.
func CRDs() fs.FS {
	sub, err := fs.Sub(files, "seaway/crds")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
