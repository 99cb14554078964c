// Package bundled holds the scripts that come with the program: Lua that explains kinds of other
// projects, which Karmada's users expect to be known. scripts/GROUP/VERSION/KIND.lua explains one kind;
// what scripts share stands in prelude.lua of a folder above them. Package lua runs them as it runs those
// of users, with the same limits, and they see what those see.
//
// It is a layer of an interpreter, below what users write and above the native kinds. It knows no kind of
// Kubernetes itself.
//
// What the scripts answer is what Karmada's own answer, field by field, save where that would be refused
// by the kind's definition, or would say of all clusters what only the last one says. docs/interpretation.md
// lists those places, and which kind has which operation.
package bundled

import (
	"embed"
	"io/fs"
	"sync"

	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

//go:embed scripts
var files embed.FS

var table = sync.OnceValue(func() *lua.Table {
	scripts, err := fs.Sub(files, "scripts")
	if err == nil {
		var out *lua.Table
		if out, err = lua.Bundle(scripts, lua.DefaultLimits); err == nil {
			return out
		}
	}
	// the scripts are a part of the program: a test compiles them
	panic("bundled scripts: " + err.Error())
})

// Table is the layer of the bundled scripts. They are compiled on the first call.
func Table() *lua.Table { return table() }
