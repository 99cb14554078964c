package binaries

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// progressEvery is the time between two lines of progress.
const progressEvery = 15 * time.Second

// kubernetesVersion is what the binaries say they are; it follows k8s.io/kubernetes in the module.
var kubernetesVersion = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)`)

// install builds next to the folder and renames, so that a folder that is there is whole.
func install(ctx context.Context, source, dir string, log func(string, ...any)) error {
	unfinished := dir + ".unfinished" // ours alone: the caller holds the lock
	defer os.RemoveAll(unfinished)
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		return err
	}
	version, err := versionFlags(source)
	if err != nil {
		return err
	}
	start := time.Now()
	log("building the Kubernetes binaries; on two cores this takes about 12 minutes, once")
	if err := runGo(ctx, source, buildArguments(version, filepath.Join(unfinished, program)), log); err != nil {
		return err
	}
	for _, name := range Names {
		if err := os.Symlink(program, filepath.Join(unfinished, name)); err != nil {
			return err
		}
	}
	// What lies at the place is not whole, or we would not be here.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return err
	}
	log("built the Kubernetes binaries in %.0f s: %s", time.Since(start).Seconds(), dir)
	return nil
}

// buildArguments are those of the go command. The project itself builds with the same flags, so that
// both share one compile of what they have in common.
func buildArguments(versionFlags, output string) []string {
	return []string{"build", "-v", "-trimpath", "-ldflags", strings.TrimSpace("-s -w " + versionFlags), "-o", output, "."}
}

// versionFlags makes the binaries report the version of the module they are built from.
func versionFlags(source string) (string, error) {
	data, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	found := kubernetesVersion.FindSubmatch(data)
	if found == nil {
		return "", fmt.Errorf("%s/go.mod requires no version of k8s.io/kubernetes", source)
	}
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, value := range []string{
			fmt.Sprintf("gitVersion=%s", found[1]), fmt.Sprintf("gitMajor=%s", found[2]), fmt.Sprintf("gitMinor=%s", found[3]),
			"gitTreeState=clean", "gitCommit=" + strings.Repeat("0", 40), "buildDate=1970-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X "+pkg+"."+value)
		}
	}
	return strings.Join(flags, " "), nil
}

// buildEnvironment keeps a caller's flags and workspace out of the build.
func buildEnvironment() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
}

// goOutput is what `go build -v` says: modules it downloads and import paths of packages it compiles,
// which are counted, and messages, which are kept.
type goOutput struct {
	mu                sync.Mutex
	modules, packages int
	messages          []string
}

func (o *goOutput) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		o.mu.Lock()
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
			o.modules++
		case isImportPath(line):
			o.packages++
		default:
			o.messages = append(o.messages, line)
		}
		o.mu.Unlock()
	}
}

// progress says how far the command is.
func (o *goOutput) progress() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", o.modules, o.packages)
}

func isImportPath(line string) bool {
	return line != "" && !strings.ContainsAny(line, " :#\t")
}

// runGo runs the go command, reports progress and quotes its last messages when it fails.
func runGo(ctx context.Context, source string, arguments []string, log func(string, ...any)) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir, command.Env = source, buildEnvironment()
	command.Stdout, command.Stderr = writer, writer
	// The compilers are the go command's children; they have to end with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	start := time.Now()
	err = command.Start()
	writer.Close()
	if err != nil {
		return err
	}
	var output goOutput
	read := make(chan struct{})
	go func() { defer close(read); output.read(reader) }()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log("%.0f s: %s", time.Since(start).Seconds(), output.progress())
			continue
		case <-read: // the command and its children are done writing
		}
		if err := command.Wait(); err != nil {
			last := output.messages[max(0, len(output.messages)-20):]
			return fmt.Errorf("go %s in %s: %w\n%s", arguments[0], source, err, strings.Join(last, "\n"))
		}
		return nil
	}
}
