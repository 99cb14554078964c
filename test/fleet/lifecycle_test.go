//go:build linux

package fleet

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seaway-io/seaway/test/fleet/netspace"
)

func TestStopLeavesNothingAndANameIsHeldOnce(t *testing.T) {
	dir := requirements(t)
	options := Options{Name: fmt.Sprintf("fleetstop%d", os.Getpid()), Dir: t.TempDir(), Binaries: dir}
	f, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), options); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Errorf("a second fleet of the same name: %v", err)
	}
	pids := []int{f.etcd.Pid()}
	for _, name := range []string{APIServer, ControllerManager} {
		pids = append(pids, f.Hub.Process(name).Pid())
	}
	if err := f.Hub.Freeze(APIServer); err != nil { // the hardest to stop
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("process %d: %v", pid, err)
		}
	}
	if names, err := netspace.Names(namespacePrefix(f.Name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func TestWhatACrashLeftBehindIsRemoved(t *testing.T) {
	requirements(t)
	name := fmt.Sprintf("fleetcrash%d", os.Getpid())
	namespace, err := netspace.Create(namespacePrefix(name) + "fra")
	if err != nil {
		t.Fatal(err)
	}
	left := namespace.Command(t.Context(), "sleep", "600")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	claim, err := claimName(name)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.release()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the process still runs")
	}
	if names, err := netspace.Names(namespacePrefix(name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	dir := requirements(t)
	broken := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		target := dir + "/" + entry.Name()
		if entry.Name() == APIServer {
			target = "/bin/false"
		}
		if err := os.Symlink(target, broken+"/"+entry.Name()); err != nil {
			t.Fatal(err)
		}
	}
	options := Options{Name: fmt.Sprintf("fleetfail%d", os.Getpid()), Dir: t.TempDir(), Binaries: broken}
	_, err = Start(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver of hub ended: exit status 1") {
		t.Errorf("%v", err)
	}
	if names, err := netspace.Names(namespacePrefix(options.Name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

// TestAFlatFleetRoutesPods builds the network alone, with a listener in the place of a pod.
func TestAFlatFleetRoutesPods(t *testing.T) {
	if unprivileged != nil {
		t.Skip(unprivileged)
	}
	for name, flat := range map[string]bool{"flat": true, "apart": false} {
		t.Run(name, func(t *testing.T) {
			o := options(t, MemberSpec{Name: "fra"}, MemberSpec{Name: "iad"})
			o.Name, o.Flat = fmt.Sprintf("fleet%s%d", name, os.Getpid()), flat
			plans, err := o.complete()
			if err != nil {
				t.Fatal(err)
			}
			claim, err := claimName(o.Name)
			if err != nil {
				t.Fatal(err)
			}
			f := &Fleet{Name: o.Name, Dir: o.Dir, Members: map[string]*Cluster{}, options: o, claim: claim, hosts: map[string]*Host{}}
			defer f.Stop()
			if err := f.buildNetwork(plans); err != nil {
				t.Fatal(err)
			}
			listener, err := f.Members["fra"].Listen(t.Context(), "tcp", "10.101.0.5:8080")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			conn, err := f.Members["iad"].DialContext(ctx, "tcp", "10.101.0.5:8080")
			if err == nil {
				conn.Close()
			}
			if (err == nil) != flat {
				t.Errorf("a pod of fra, from iad: %v", err)
			}
		})
	}
}
