package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// module writes a folder like test/kubeall inside a checkout and returns the checkout.
func module(t *testing.T, files map[string]string) (checkout, source string) {
	t.Helper()
	checkout = t.TempDir()
	source = filepath.Join(checkout, "test", program)
	if err := os.MkdirAll(source, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(source, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return checkout, source
}

func hash(t *testing.T, toolchain string, files map[string]string) string {
	t.Helper()
	_, source := module(t, files)
	h, err := Hash(source, toolchain)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashFollowsTheSourceAndTheToolchain(t *testing.T) {
	const toolchain = "go1.26.8 linux amd64"
	base := map[string]string{"main.go": "package main\n", "go.mod": "module m\n", "go.sum": "sums\n"}
	with := func(name, content string) map[string]string {
		files := map[string]string{name: content}
		for k, v := range base {
			if _, changed := files[k]; !changed {
				files[k] = v
			}
		}
		return files
	}
	want := hash(t, toolchain, base)
	if got := hash(t, toolchain, base); got != want {
		t.Errorf("the same files in another folder: %s and %s", got, want)
	}
	if got := hash(t, toolchain, with("README.md", "text")); got != want {
		t.Errorf("a file that is not compiled changes the hash: %s and %s", got, want)
	}
	different := map[string]string{
		"another Go version":  hash(t, "go1.26.9 linux amd64", base),
		"another source":      hash(t, toolchain, with("main.go", "package main // \n")),
		"another requirement": hash(t, toolchain, with("go.mod", "module n\n")),
		"other sums":          hash(t, toolchain, with("go.sum", "")),
		"one more source":     hash(t, toolchain, with("more.go", "")),
	}
	seen := map[string]string{want: "the base"}
	for name, h := range different {
		if other, twice := seen[h]; twice {
			t.Errorf("%s has the same hash as %s", name, other)
		}
		seen[h] = name
	}
}

func TestVersionFlagsFollowTheModule(t *testing.T) {
	_, source := module(t, map[string]string{"go.mod": "module m\n\nrequire (\n\tk8s.io/kubectl v0.37.2\n\tk8s.io/kubernetes v1.37.2\n)\n"})
	flags, err := versionFlags(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/component-base/version.gitVersion=v1.37.2", "gitMajor=1 ", "gitMinor=37 "} {
		if !strings.Contains(flags, want) {
			t.Errorf("no %q in %q", want, flags)
		}
	}
	_, source = module(t, map[string]string{"go.mod": "module m\n"})
	if _, err := versionFlags(source); err == nil || !strings.Contains(err.Error(), "k8s.io/kubernetes") {
		t.Errorf("without a requirement: %v", err)
	}
}

// tinyCheckout is a checkout whose module builds in a moment. It returns a log and its lines.
func tinyCheckout(t *testing.T, mainFile string) (log func(string, ...any), lines *[]string) {
	t.Helper()
	files := map[string]string{
		"go.mod":  "module example.org/tiny\n\ngo 1.26\n\n// Stands for a requirement, which would have to be downloaded:\n//\nexclude (\n\tk8s.io/kubernetes v1.37.2\n)\n",
		"go.sum":  "",
		"main.go": mainFile,
	}
	checkout, _ := module(t, files)
	t.Setenv(SourceVariable, checkout)
	t.Setenv(CacheVariable, t.TempDir())
	t.Setenv(DirVariable, "")
	var mu sync.Mutex
	lines = new([]string)
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		*lines = append(*lines, fmt.Sprintf(format, args...))
	}, lines
}

func TestABuildIsMadeOnceAndFoundAfterwards(t *testing.T) {
	log, lines := tinyCheckout(t, "package main\n\nfunc main() {}\n")
	if _, err := Cached(t.Context()); !errors.Is(err, ErrNotBuilt) {
		t.Fatalf("before the build: %v", err)
	}
	var together sync.WaitGroup
	dirs := make([]string, 2)
	for i := range dirs {
		together.Go(func() {
			dir, err := Kubeall(t.Context(), log)
			if err != nil {
				t.Error(err)
			}
			dirs[i] = dir
		})
	}
	together.Wait()
	cached, err := Cached(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{cached, cached}, dirs); diff != "" {
		t.Error(diff)
	}
	if builds := strings.Count(strings.Join(*lines, "\n"), "built the Kubernetes binaries"); builds != 1 {
		t.Errorf("%d builds:\n%s", builds, strings.Join(*lines, "\n"))
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(cached), "*unfinished*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAFailedBuildSaysWhyAndLeavesNothing(t *testing.T) {
	log, _ := tinyCheckout(t, "package main\n\nfunc main() { undefined() }\n")
	_, err := Kubeall(t.Context(), log)
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("%v", err)
	}
	if _, err := Cached(t.Context()); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("after the failure: %v", err)
	}
}

func TestWaitingForAnotherBuildEndsWithTheContext(t *testing.T) {
	log, _ := tinyCheckout(t, "package main\n")
	_, dir, err := locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), dir+".lock", log)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Kubeall(ctx, log); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestAFolderOfOnesOwnMustBeComplete(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(DirVariable, dir)
	if _, err := Kubeall(t.Context(), t.Logf); err == nil || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("an empty folder: %v", err)
	}
	for _, name := range Names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Kubeall(t.Context(), t.Logf); err != nil || got != dir {
		t.Errorf("%s, %v", got, err)
	}
}

func TestOutsideACheckout(t *testing.T) {
	t.Setenv(SourceVariable, t.TempDir())
	t.Setenv(DirVariable, "")
	if _, err := Cached(t.Context()); err == nil || !strings.Contains(err.Error(), SourceVariable) {
		t.Errorf("%v", err)
	}
}

func TestOutputOfTheGoCommand(t *testing.T) {
	var output goOutput
	output.read(strings.NewReader("go: downloading k8s.io/api v0.37.2\ninternal/abi\nk8s.io/api/core/v1\n# example.org/m\n./main.go:3:15: undefined: x\n"))
	if diff := cmp.Diff("1 modules downloaded, 2 packages compiled", output.progress()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"# example.org/m", "./main.go:3:15: undefined: x"}, output.messages); diff != "" {
		t.Error(diff)
	}
}

func TestTheRealModuleNamesItsVersion(t *testing.T) {
	source, err := findSource()
	if err != nil {
		t.Fatal(err)
	}
	if flags, err := versionFlags(source); err != nil || !strings.Contains(flags, "gitVersion=v1.") {
		t.Errorf("%q, %v", flags, err)
	}
}
