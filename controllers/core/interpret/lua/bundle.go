package lua

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// prelude is the name of a file with what scripts share.
const prelude = "prelude.lua"

// Bundle makes a table of the scripts that come with the program. A file GROUP/VERSION/KIND.lua explains
// that kind with those functions of an interpreter that it defines. A file prelude.lua at the top or in a
// folder is run before each script below it, in the same globals: there stands what scripts share. Files
// with other extensions are left alone. A script that does not compile or defines none of the functions,
// a prelude that defines one, and a script in another place, is an error: it is a mistake of ours, not of
// a user.
func Bundle(files fs.FS, limits Limits) (*Table, error) {
	b := builder{limits: limits, table: &Table{scripts: map[schema.GroupVersionKind]Scripts{}, compiled: map[source]outcome{}}}
	shared := preludes{files: files, limits: limits, known: map[string][]*glua.FunctionProto{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".lua" || path.Base(name) == prelude {
			return err
		}
		parts := strings.Split(strings.TrimSuffix(name, ".lua"), "/")
		if len(parts) != 3 {
			return fmt.Errorf("%s: a script belongs into GROUP/VERSION/KIND.lua", name)
		}
		before, err := shared.above(path.Dir(name))
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		script, err := compileAfter(before, name, string(text), limits)
		if err != nil {
			return err
		}
		if len(script.defined) == 0 {
			return fmt.Errorf("%s: defines none of %s", name, strings.Join(functionNames, ", "))
		}
		for i, operation := range Operations {
			if script.defines(functionNames[i]) {
				b.put(schema.GroupVersionKind{Group: parts[0], Version: parts[1], Kind: parts[2]}, operation, script)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.done(), nil
}

// preludes are the compiled preludes by folder.
type preludes struct {
	files  fs.FS
	limits Limits
	known  map[string][]*glua.FunctionProto
}

// above are the preludes for the scripts in a folder, the topmost first.
func (p *preludes) above(folder string) (out []*glua.FunctionProto, err error) {
	if out, ok := p.known[folder]; ok {
		return out, nil
	}
	if folder != "." {
		if out, err = p.above(path.Dir(folder)); err != nil {
			return nil, err
		}
	}
	name := path.Join(folder, prelude)
	text, err := fs.ReadFile(p.files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		script, err := compileAfter(out, name, string(text), p.limits)
		if err != nil {
			return nil, err
		}
		if len(script.defined) > 0 {
			return nil, fmt.Errorf("%s: defines %s, which every script below it would inherit", name, strings.Join(script.defined, ", "))
		}
		out = script.chunks
	}
	p.known[folder] = out
	return out, nil
}
