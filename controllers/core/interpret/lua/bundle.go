package lua

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Bundle makes a table of the scripts that come with the program. A file GROUP/VERSION/KIND.lua explains
// that kind with those functions of an interpreter that it defines; files with other extensions are
// left alone. A script that does not compile or defines none of the functions, and a script in another
// place, is an error: it is a mistake of ours, not of a user.
func Bundle(files fs.FS, limits Limits) (*Table, error) {
	b := builder{limits: limits, table: &Table{scripts: map[schema.GroupVersionKind]Scripts{}, compiled: map[source]outcome{}}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".lua" {
			return err
		}
		parts := strings.Split(strings.TrimSuffix(name, ".lua"), "/")
		if len(parts) != 3 {
			return fmt.Errorf("%s: a script belongs into GROUP/VERSION/KIND.lua", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		script, err := Compile(name, string(text), limits)
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
