// Package arch holds the house rules that a compiler does not check: who may import whom, and that
// the packages which decide are pure. The rules are data; a failure names the file, the line, the
// rule and the reason.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/seaway-io/seaway/"

// rule says what the packages below a folder may import besides the standard library. The first
// rule whose folder matches counts.
type rule struct {
	// dir is a path prefix from the root of the module.
	dir string
	// allow are import path prefixes.
	allow []string
	why   string
}

var (
	apimachinery = []string{"k8s.io/apimachinery/", "k8s.io/api/"}
	// pure libraries that decide nothing and reach nothing
	pure = []string{"github.com/evanphx/json-patch/v5", "sigs.k8s.io/yaml", "k8s.io/utils/ptr", "k8s.io/kube-openapi/",
		// a virtual machine: what runs in it sees its arguments only
		"github.com/yuin/gopher-lua",
		// of it only the parser is used: when a schedule is due next
		"github.com/robfig/cron/v3"}
	// clients of Kubernetes and what a server needs
	machinery = []string{
		"k8s.io/", "sigs.k8s.io/", "github.com/go-logr/logr", "github.com/prometheus/client_golang/",
		"golang.org/x/sync/", "golang.org/x/sys/", "golang.org/x/net/", "golang.org/x/time/rate", "github.com/evanphx/json-patch/v5", "github.com/spf13/pflag",
		"go.etcd.io/etcd/",
	}
	shared = []string{module + "api/", module + "controllers/hub", module + "controllers/member"}
)

var rules = []rule{
	{"api/scheme", with(apimachinery, []string{module + "api/", "sigs.k8s.io/mcs-api/"}), "the list of groups names every group"},
	{"api/traffic/rdata", []string{"github.com/miekg/dns"}, "the data of records are read by the DNS library, at admission as in the name servers"},
	{"api", with(apimachinery, pure, []string{module + "api/"}), "api is what users write and read; it knows nobody"},
	{"controllers/core/plugin", with(apimachinery, pure, []string{module + "api/", module + "controllers/core/", "github.com/google/cel-go/"}), "users' expressions are decisions too: cel-go evaluates them and reaches nothing"},
	{"controllers/core", with(apimachinery, pure, []string{module + "api/", module + "controllers/core/"}), "core decides; it knows no client"},
	{"dns/core", with(apimachinery, pure, []string{module + "api/", module + "dns/core/", "github.com/miekg/dns"}), "core decides; it knows no client"},
	{"mesh/core", with(apimachinery, pure, []string{module + "api/", module + "mesh/core/", "istio.io/api/"}), "core decides; it knows no client"},
	{"scaler/core", with(apimachinery, pure, []string{module + "api/", module + "scaler/core/"}), "core decides; it knows no client"},
	{"controllers/estimate", with(machinery, shared, []string{module + "controllers/", "google.golang.org/grpc", "google.golang.org/protobuf", "github.com/bufbuild/protocompile"}), "the estimator service is gRPC; protocompile reads its .proto for the generator"},
	{"controllers/demand", with(machinery, shared, []string{module + "controllers/", "github.com/prometheus/common/model"}), "what a Prometheus answers with is said in its model"},
	{"controllers", with(machinery, shared, []string{module + "controllers/"}), "areas meet in api and cmd only"},
	{"dns/querylog", with(machinery, []string{module + "dns/", "github.com/miekg/dns", "github.com/dnstap/golang-dnstap", "github.com/farsightsec/golang-framestream", "google.golang.org/protobuf"}), "dnstap is protobuf in frames, and nobody else's business"},
	{"dns/check", with(machinery, shared, []string{module + "dns/core/", "google.golang.org/grpc"}), "probes speak gRPC; they know no other part of the server"},
	{"dns/server/quic", []string{module + "dns/core/wire", "github.com/miekg/dns", "github.com/quic-go/quic-go"}, "QUIC is one library's and one package's business; the rest of the server knows streams"},
	{"dns", with(machinery, shared, []string{module + "dns/", "github.com/miekg/dns", "github.com/oschwald/maxminddb-golang/v2"}), "areas meet in api and cmd only"},
	{"mesh", with(machinery, shared, []string{module + "mesh/", "istio.io/"}), "areas meet in api and cmd only"},
	{"scaler", with(machinery, shared, []string{module + "scaler/"}), "areas meet in api and cmd only"},
}

// forbidden names no package outside its own folder may import.
var forbidden = []struct{ prefix, from, why string }{
	{module + "cmd/", "cmd/", "cmd is imported by nothing"},
	{module + "test/", "test/,cmd/seaway/playground,cmd/seaway/main.go", "the product does not depend on its tests; only the playground starts the fleet"},
}

// impure are standard packages that a core package does not import, with what to do instead.
var impure = map[string]string{
	"log": "return reasons", "log/slog": "return reasons", "net": "use net/netip", "net/http": "take the data as input",
	"os": "take the data as input", "os/exec": "take the data as input", "math/rand": "take a seed as input", "math/rand/v2": "take a seed as input",
	"context": "a decision can not be cancelled", "crypto/rand": "take a seed as input",
}

// impureCalls are functions that read the clock or sleep.
var impureCalls = map[string]string{
	"time.Now": "take Now as input", "time.Since": "take Now as input", "time.Until": "take Now as input",
	"time.Sleep": "return when to come back", "time.After": "return when to come back", "time.NewTimer": "return when to come back", "time.NewTicker": "return when to come back",
}

func with(lists ...[]string) []string { return slices.Concat(lists...) }

func TestImports(t *testing.T) {
	eachFile(t, func(file string, fset *token.FileSet, f *ast.File) {
		dir := path.Dir(file)
		for _, spec := range f.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			where := fset.Position(spec.Pos()).String()
			for _, no := range forbidden {
				if strings.HasPrefix(target, no.prefix) && !anyPrefix(file, strings.Split(no.from, ",")) {
					t.Errorf("%s imports %s: %s", where, target, no.why)
				}
			}
			if r, ok := ruleFor(dir); ok && !standard(target) && !allowed(target, r.allow) {
				t.Errorf("%s: %s may not import %s: %s", where, r.dir, target, r.why)
			}
		}
	})
}

func TestCoreIsPure(t *testing.T) {
	eachFile(t, func(file string, fset *token.FileSet, f *ast.File) {
		if !slices.Contains(strings.Split(path.Dir(file), "/"), "core") {
			return
		}
		for _, spec := range f.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if instead, ok := impure[target]; ok {
				t.Errorf("%s: core imports %s: %s", fset.Position(spec.Pos()), target, instead)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: core starts a goroutine: decide in one, let the caller spread the work", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok {
					if instead, bad := impureCalls[pkg.Name+"."+n.Sel.Name]; bad {
						t.Errorf("%s: core uses %s.%s: %s", fset.Position(n.Pos()), pkg.Name, n.Sel.Name, instead)
					}
				}
			}
			return true
		})
	})
}

// TestNames keeps grab bags out: a package is named for what it is.
func TestNames(t *testing.T) {
	bad := []string{"util", "utils", "helper", "helpers", "common", "misc", "shared", "base"}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains(bad, d.Name()) {
			t.Errorf("%s: name the folder for what is in it", rel(p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPackageDocs wants a package comment in every package of the product: what it is.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	eachFile(t, func(file string, _ *token.FileSet, f *ast.File) {
		dir := path.Dir(file)
		documented[dir] = documented[dir] || f.Doc != nil
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

// TestRealControlPlanes wants every package whose tests start real control planes in the list that
// `make e2e` runs: anywhere else they are skipped where the Kubernetes binaries are missing, unnoticed.
func TestRealControlPlanes(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	listed := []string{"./test/e2e"} // has a line of its own
	for line := range strings.Lines(string(makefile)) {
		if value, ok := strings.CutPrefix(line, "REAL :="); ok {
			listed = append(listed, strings.Fields(value)...)
		}
	}
	starts := []string{module + "controllers/apiserver/hubtest", module + "test/fleet"}
	walk(t, func(file string) bool { return strings.HasSuffix(file, "_test.go") }, func(file string, fset *token.FileSet, f *ast.File) {
		for _, spec := range f.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if slices.Contains(starts, target) && !slices.Contains(listed, "./"+path.Dir(file)) {
				t.Errorf("%s: add ./%s to REAL in the Makefile", fset.Position(spec.Pos()), path.Dir(file))
			}
		}
	})
}

// ---

const root = "../.."

func rel(p string) string {
	r, err := filepath.Rel(root, p)
	if err != nil {
		return p
	}
	return filepath.ToSlash(r)
}

// eachFile calls visit with every non-test, non-generated Go file of the module.
func eachFile(t *testing.T, visit func(file string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	walk(t, func(file string) bool {
		return !strings.HasSuffix(file, "_test.go") && !strings.HasPrefix(path.Base(file), "zz_generated")
	}, visit)
}

// walk calls visit with every Go file of the module that is wanted.
func walk(t *testing.T, wanted func(file string) bool, visit func(file string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") || isModule(p) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || !wanted(rel(p)) {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		seen++
		visit(rel(p), fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("found no Go file: is the test run from its own folder?")
	}
}

// isModule says whether p is the root of another module, which has rules of its own.
func isModule(p string) bool {
	if p == root {
		return false
	}
	_, err := os.Stat(filepath.Join(p, "go.mod"))
	return err == nil
}

func ruleFor(dir string) (rule, bool) {
	for _, r := range rules {
		if dir == r.dir || strings.HasPrefix(dir, r.dir+"/") {
			return r, true
		}
	}
	return rule{}, false
}

func standard(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return !strings.Contains(first, ".")
}

func allowed(target string, prefixes []string) bool {
	for _, p := range prefixes {
		if target == strings.TrimSuffix(p, "/") || strings.HasPrefix(target, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

func anyPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
